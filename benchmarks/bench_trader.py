"""An idle trader as a person starts it: how soon it is ready, and what it holds in memory."""

import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from actors.operator_address import OperatorAddress, read_address
from benchmarks.measure import Figure
from benchmarks.setting import Group, Setting

BUDGET_MB = 80.0
_START_S_MAX = 60.0
_LOOK_EVERY_S = 0.01
_IDLE_S = 2.0


@contextmanager
def started(data_dir: Path) -> Iterator[tuple[OperatorAddress, float]]:
    """`holdfast run` on the shipped demonstration at the market's own pace.

    Yields:
        Where its operator port listens, and the seconds until it did.
    """
    command = [str(Path(sys.executable).with_name("holdfast")), "run", "--json", "--speed", "1"]
    begun_s = time.perf_counter()
    run = subprocess.Popen(
        [*command, "--data-dir", str(data_dir)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield _ready(run, data_dir), time.perf_counter() - begun_s
    finally:
        run.terminate()
        run.wait(_START_S_MAX)


def _ready(run: "subprocess.Popen[bytes]", data_dir: Path) -> OperatorAddress:
    give_up_s = time.monotonic() + _START_S_MAX
    while time.monotonic() < give_up_s and run.poll() is None:
        address = read_address(data_dir)
        if address is not None:
            return address
        time.sleep(_LOOK_EVERY_S)
    raise RuntimeError(f"expected a running trader, found none (exit code {run.poll()})")


def resident_mb(pid: int) -> float:
    """What a process holds in memory now, in 2**20 bytes."""
    for line in Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
    raise RuntimeError(f"expected a process {pid}, found none")


def measure(setting: Setting) -> Sequence[Figure]:
    """The trader's own process; the guard and the archivist beside it are not counted."""
    with (
        TemporaryDirectory(dir=setting.work_dir) as name,
        started(Path(name)) as (address, ready_s),
    ):
        time.sleep(_IDLE_S)  # it waits for the second bar, which a minute of wall time separates
        held_mb = resident_mb(address.pid)
    found = [Figure(row="trader_memory", value=held_mb, reference=BUDGET_MB)]
    if setting.peers is not None:
        peer = setting.peers.run("nautilus_node")
        found += [
            Figure(row="trader_memory_peer", value=held_mb, reference=peer["resident_mb"]),
            Figure(row="trader_ready_peer", value=ready_s, reference=peer["ready_s"]),
        ]
    return found


GROUP = Group(
    name="trader",
    rows=("trader_memory", "trader_memory_peer", "trader_ready_peer"),
    measure=measure,
)
