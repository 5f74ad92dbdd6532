"""What the guard costs, and how a person sees whether one watches."""

import asyncio
import contextlib
import os
import re
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from research.crash.market import ticker_config
from research.soak.sample import GUARD_CPU_RATIO_MAX, GUARD_MB_MAX
from tests.support.guard import Hook, Setting
from tests.support.live import Venue
from tests.support.process import RunningRun
from tests.system.test_guard_watch import played

SPAN_S = 6.0
MB = 1 << 20
SILENCE_S = 2


def watched_config(folder: Path) -> Path:
    """That of the other guarded runs, whose entries wait without a guard."""
    path = ticker_config(folder)
    text = path.read_text(encoding="utf-8")
    text, found = re.subn(
        r"(?m)^guard_silence_max_s = \S+", f"guard_silence_max_s = {SILENCE_S}", text
    )
    assert found == 1
    path.write_text(text, encoding="utf-8")
    return path


def cpu_ns(pid: int) -> int:
    """Time on a processor; the kernel counts it for each of the guard's one thread."""
    return int(Path(f"/proc/{pid}/schedstat").read_text(encoding="ascii").split()[0])


def threads(pid: int) -> int:
    """How many it has."""
    return len(list(Path(f"/proc/{pid}/task").iterdir()))


def resident_mb(pid: int) -> float:
    """Resident memory."""
    pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / MB


def archivist_of(data_dir: Path) -> int:
    """The run's own."""
    for each in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            words = each.read_bytes().split(b"\0")
            if b"storage.archive" in words and bytes(data_dir) in words:
                return int(each.parent.name)
    raise AssertionError("no archivist runs")


async def guard_breaker(run: RunningRun) -> dict[str, Any]:
    """The guard's, as `/health` names it."""
    _, health = await run.get("/health")
    (found,) = [each for each in health["breakers"] if each["name"] == "guard"]
    is_open = found["state"] == "OPEN"
    assert any("breaker guard is OPEN" in why for why in health["why_not_ready"]) == is_open
    return {"state": found["state"], "cause": found["cause"]}


def test_a_guard_is_small_and_health_says_whether_one_watches(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """WD-6, WD-9: at a heartbeat of 1 s beside a trader that trades; killed, its breaker opens."""
    monkeypatch.setattr("tests.system.test_guard_watch.ticker_config", watched_config)

    async def scene(_: Venue, run: RunningRun, where: Setting, __: Hook) -> None:
        assert await guard_breaker(run) == {"state": "CLOSED", "cause": ""}
        guard = int((where.data_dir / "guard.lock").read_text().split()[0])
        assert threads(guard) == 1
        began_s, before_ns = time.monotonic(), cpu_ns(guard)
        await asyncio.sleep(SPAN_S)  # what is measured is time
        used = (cpu_ns(guard) - before_ns) / 1e9 / (time.monotonic() - began_s)
        assert used <= GUARD_CPU_RATIO_MAX
        assert resident_mb(guard) <= GUARD_MB_MAX
        os.kill(guard, signal.SIGKILL)
        await run.until_event("GuardLost")
        found = await guard_breaker(run)
        assert (found["state"], found["cause"][:13]) == ("OPEN", "no guard for ")
        for pid in (run.address.pid, archivist_of(where.data_dir)):
            os.kill(pid, signal.SIGTERM)  # nobody else ends them

    played(tmp_path, monkeypatch, scene, {})
