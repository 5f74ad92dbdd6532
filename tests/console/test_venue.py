"""`holdfast venue`: a process that says where it is, serves, and ends with 0 when it is told to."""

import json
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest

from console import cli
from tests.support.process import ASK

LIMIT_S = 30.0


@contextmanager
def venue(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], dict[str, Any]]]:
    """A running venue and its first line."""
    command = [*ASK, "venue", "alpaca", "--json", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield process, json.loads(process.stdout.readline())
        finally:
            if process.poll() is None:
                process.kill()


def get(url: str, **headers: str) -> Any:
    with urlopen(Request(url, headers=headers), timeout=LIMIT_S) as answer:  # noqa: S310 - loopback
        return json.loads(answer.read())


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_venue_serves_until_it_is_told_to_stop(number: signal.Signals, tmp_path: Path) -> None:
    """BR-2: a first line for programs, two ports, the faults of a file, and 0 at the end."""
    faults = tmp_path / "faults.toml"
    faults.write_text('[[faults]]\nverb = "refuse"\non = "GET /v2/clock"\nstatus = 429\n')
    clock = ("--clock", "2026-11-20T15:00:00Z", "--speed", "0")
    with venue("--seed", "11", "--faults", str(faults), *clock) as (process, said):
        assert said["key"] == "PKSIM000000000000011"
        state = get(f"{said['admin_url']}/admin/state")
        assert (state["seed"], state["clock"]) == (11, "2026-11-20T15:00:00Z")
        rules = get(f"{said['admin_url']}/admin/faults")
        assert [(rule["verb"], rule["status"]) for rule in rules] == [("refuse", 429)]
        keys = {"APCA-API-KEY-ID": said["key"], "APCA-API-SECRET-KEY": said["secret"]}
        assert get(f"{said['url']}/v2/account", **keys)["cash"] == "100000"
        process.send_signal(number)
        assert process.wait(LIMIT_S) == 0


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["alpca"], "did you mean alpaca"),
        (["alpaca", "--hours", "never"], "exchange or always"),
        (["alpaca", "--clock", "noon"], "--clock is now or an instant"),
        (["alpaca", "--session", "friday"], "--session is a day"),
        (["alpaca", "--speed", "-1"], "--speed is 0 to"),
        (["alpaca", "--chaos", "1.1"], "--chaos is a chance from 0 to 1"),
        (["alpaca", "--faults", "absent.toml"], "cannot be read as a fault file"),
        (["alpaca", "--replay", "absent.csv"], "cannot be read as a recording"),
    ],
)
def test_a_venue_that_cannot_be_is_refused_in_one_line(
    arguments: list[str], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """BR-2: a usage error is exit 2, and says what was expected."""
    assert cli.run(["venue", *arguments]) == 2
    said = capsys.readouterr().err
    assert complaint in said
    assert len(said.strip().splitlines()) == 1


def test_a_port_that_is_taken_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    """BR-2: exit 2 with the port."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert cli.run(["venue", "alpaca", "--port", str(port)]) == 2
    assert str(port) in capsys.readouterr().err
