"""The container file and the systemd unit, read line by line: no engine for them is needed here."""

import configparser
import json
import os
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.process import ask
from tools.setup import ROOT

CONTAINERFILE = ROOT / "packaging" / "Containerfile"
UNIT = ROOT / "packaging" / "holdfast.service"
INSTRUCTIONS = {"FROM", "RUN", "ENV", "WORKDIR", "COPY", "USER", "VOLUME", "ENTRYPOINT", "CMD"}
SYSTEMD = shutil.which("systemd-analyze")


def instructions() -> list[tuple[str, str]]:
    """Each instruction and its argument, continued lines joined."""
    text = CONTAINERFILE.read_text(encoding="utf-8").replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return [(word, rest) for word, _, rest in (line.partition(" ") for line in lines)]


def of(name: str) -> list[str]:
    """The arguments of one kind of instruction."""
    return [rest for word, rest in instructions() if word == name]


def options_of(words: list[str]) -> set[str]:
    """The options that a command line names."""
    return {word for word in words if word.startswith("--")}


def test_every_instruction_is_one_and_no_path_is_roots() -> None:
    """WD-7: it was not built here, so what can be read is checked."""
    assert {word for word, _ in instructions()} == INSTRUCTIONS
    assert "/root" not in CONTAINERFILE.read_text(encoding="utf-8")
    places = dict(pair.split("=", 1) for line in of("ENV") for pair in shlex.split(line))
    path = places["PATH"].split(":")
    assert f"{places['CARGO_HOME']}/bin" in path
    assert f"{of('WORKDIR')[0]}/.venv/bin" in path
    names = [word for word, _ in instructions()]
    assert names.index("USER") > max(at for at, word in enumerate(names) if word == "RUN")


def test_python_is_one_that_the_project_takes_and_tini_is_installed() -> None:
    """WD-7: an init reaps the processes that the guard leaves."""
    [image] = of("FROM")
    found = re.fullmatch(r"python:(3\.\d+)-slim-\w+", image)
    assert found is not None
    assert f">={found[1]}" in (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    [entry] = of("ENTRYPOINT")
    assert json.loads(entry)[0] == "tini"
    assert re.search(r"apt-get install .*\btini\b", " ".join(of("RUN")))


def test_the_commands_of_both_are_known_to_the_command_line() -> None:
    """UI-11: options that were renamed would be found out by nobody before the first start."""
    known = ask("run", "--help").out
    [command], unit = of("CMD"), configparser.ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read(UNIT, encoding="utf-8")
    started = shlex.split(unit["Service"]["ExecStart"])
    for words in (json.loads(command), started):
        assert Path(words[0]).name == "holdfast"
        assert words[1] == "run"
        assert all(option in known for option in options_of(words)), words
    service = unit["Service"]
    assert (service["Type"], service["KillMode"]) == ("notify", "process")
    assert int(service["WatchdogSec"]) > 0
    assert set(service["RestartPreventExitStatus"].split()) == {"2", "3"}


def test_what_stays_out_of_the_image_is_what_git_ignores_too() -> None:
    """WD-7: a copied environment would be taken for the image's own."""
    ignored = (ROOT / "packaging" / "containerignore").read_text(encoding="utf-8").splitlines()
    assert {".venv", ".stamps", "target", ".git"} <= set(ignored)


@pytest.mark.skipif(SYSTEMD is None, reason="there is no systemd-analyze on this machine")
def test_systemd_finds_no_fault_with_the_unit(tmp_path: Path) -> None:
    """WD-7: with a program where ExecStart points."""
    program = tmp_path / "holdfast"
    program.write_text("#!/bin/sh\n", encoding="utf-8")
    program.chmod(0o755)
    text = UNIT.read_text(encoding="utf-8")
    text = re.sub(r"(?m)^ExecStart=\S+", f"ExecStart={program}", text)
    unit = tmp_path / "holdfast.service"
    unit.write_text(re.sub(r"(?m)^WorkingDirectory=.*$", f"WorkingDirectory={tmp_path}", text))
    done = subprocess.run(
        [str(SYSTEMD), "verify", "--user", "--man=no", str(unit)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "XDG_RUNTIME_DIR": str(tmp_path)},
    )
    assert done.returncode == 0, done.stderr
