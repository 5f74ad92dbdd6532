"""The pages about trading at each venue's wire, typed as they stand."""

import os
import re
import shlex
import signal
import subprocess
from pathlib import Path
from urllib.request import urlopen

import orjson
import pytest

from brokers.venues import venue_kind
from tests.support.live import simulator
from tests.support.process import ASK, OPERATOR_LINE, ROOT

PORTS = {"alpaca": 8100, "polymarket": 8300, "tradier": 8200}
BLOCK = re.compile(r"```sh\n(.*?)```", re.DOTALL)
KEPT = re.compile(r"keep it as `(strategies/\w+\.py)`:\n\n```python\n(.*?)```", re.DOTALL)
SETTING = re.compile(r"(export )?[A-Z_]+=")
LIMIT_S = 40


def commands(broker: str) -> list[str]:
    """Every line that the page tells to type."""
    blocks = BLOCK.findall((ROOT / venue_kind(broker).how_to).read_text())
    return [line for block in blocks for line in typed(block)]


def typed(block: str) -> list[str]:
    """The lines that a shell sees: one that ends with a backslash goes on in the next."""
    return [line for line in block.replace("\\\n", "").splitlines() if line]


def started(line: str, cwd: Path, environment: dict[str, str]) -> subprocess.Popen[str]:
    """A run of the page, once its operator port answers."""
    words = [*ASK, *shlex.split(line)[1:], "--json", "--no-console"]
    process = subprocess.Popen(
        words,
        cwd=cwd,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    for said in process.stderr:
        if said.startswith(OPERATOR_LINE):
            return process
    raise AssertionError(f"{line} ended with {process.wait()}")


def follow(line: str, cwd: Path, environment: dict[str, str]) -> str:
    """Type one line of the page; the mode, when it is a run."""
    if SETTING.match(line):
        name, _, value = line.removeprefix("export ").partition("=")
        environment[name] = value
    elif line.startswith("curl -s "):
        with urlopen(line.removeprefix("curl -s ")) as answer:  # noqa: S310 - loopback
            assert orjson.loads(answer.read())
    elif line.startswith("holdfast run "):
        mode = line.split("--mode ")[1].split(maxsplit=1)[0]
        process = started(f"{line} --data-dir {cwd / mode}", cwd, environment)
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=LIMIT_S)
        assert process.returncode == 0, out
        assert orjson.loads(out.strip().splitlines()[-1])["sessions"] == 1
        return mode
    elif not line.startswith("holdfast venue "):
        own = line.replace("holdfast", shlex.join(ASK), 1)
        done = subprocess.run(
            ["/bin/sh", "-c", own],
            cwd=cwd,
            env=environment,
            capture_output=True,
            text=True,
            timeout=LIMIT_S,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
    return ""


@pytest.mark.timeout(120)
@pytest.mark.parametrize("broker", sorted(PORTS))
def test_the_page_can_be_followed_to_its_end(tmp_path: Path, broker: str) -> None:
    """UI-14, BR-3: venue, keys, configuration, doctor, the three modes, and what the venue says."""
    lines, port = commands(broker), PORTS[broker]
    venue = [line for line in lines if line.startswith("holdfast venue ")]
    assert venue == [
        f"holdfast venue {broker} --port {port} --admin-port {port + 1} --seed 7 --clock now "
        "--hours always"
    ]
    (tmp_path / "strategies").mkdir()
    for name, text in KEPT.findall((ROOT / venue_kind(broker).how_to).read_text()):
        (tmp_path / name).write_text(text)
    environment, modes = dict(os.environ), []
    with simulator(venue=broker) as told:  # with the page's options, on ports of its own
        for line in lines:
            ours = line.replace(f"http://127.0.0.1:{port}", told["url"])
            ours = ours.replace(f"http://127.0.0.1:{port + 1}", told["admin_url"])
            modes.append(follow(ours, tmp_path, environment))
    wanted = ["PAPER", "DRY_RUN", "LIVE"]
    assert [mode for mode in modes if mode] == wanted
    for word in venue_kind(broker).key_words:
        assert environment[f"HOLDFAST_{broker.upper()}_{word}"] == told[word.lower()]
