"""The set-up says what is missing and does nothing twice."""

import gzip
import json
import re
import tomllib
import zipfile
from pathlib import Path

import pytest

from tools import lock, setup, wheel

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("name", ["dev.txt", "runtime.txt"])
def test_the_pinned_packages_follow_pyproject_and_name_no_index(name: str) -> None:
    """Set-up: each package is pinned by hash, and a machine's own package index is used."""
    text = (ROOT / "requirements" / name).read_text()
    assert lock.inputs_digest(ROOT / "pyproject.toml") in text.splitlines()[0], "run tools/lock.py"
    assert "://" not in text
    assert "--index" not in text
    pinned = re.findall(r"^[a-z0-9][^ ]*==\S+ \\$", text, re.MULTILINE)
    assert len(pinned) >= len(
        tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    )
    assert text.count("--hash=sha256:") >= len(pinned)


def test_the_environment_of_the_wire_is_pinned_and_names_no_index() -> None:
    """BR-2: brokers' client libraries by hash, in a file of their own."""
    text = (ROOT / "requirements" / "wire.txt").read_text()
    wanted = ROOT / "requirements" / "wire.in"
    assert lock.wire_digest(wanted) in text.splitlines()[0], "run tools/lock.py wire.txt"
    assert "alpaca-py==" in text
    assert "://" not in text
    assert "alpaca-py" not in (ROOT / "requirements" / "dev.txt").read_text()


def test_a_machine_without_cargo_is_told_the_line_that_installs_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Set-up: what is missing is named, exit 2, no traceback."""
    monkeypatch.setenv("PATH", "/nowhere")
    assert setup.main(["setup"]) == 2
    assert "cargo is missing: install Rust with rustup" in capsys.readouterr().out


def test_an_unknown_target_names_the_known_ones(capsys: pytest.CaptureFixture[str]) -> None:
    """Set-up: a usage error is exit 2."""
    assert setup.main(["chekc"]) == 2
    assert (
        "expected one of setup, run, test, test-wire, check, bench, web, wheel, soak; found chekc"
        in capsys.readouterr().out
    )


def test_a_step_is_done_once_for_the_same_inputs(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Set-up: a second run does nothing; changed inputs or a missing result do the work again."""
    monkeypatch.setattr(setup, "STAMPS", tmp_path)
    done: list[str] = []

    def run(inputs: str, *, is_there: bool = True) -> None:
        step = setup.Step("a step", inputs, lambda: done.append(inputs), is_there=is_there)
        setup.take(step, "[1/1]", quiet=True)

    run("one")
    run("one")
    assert done == ["one"]
    run("two")
    assert done == ["one", "two"]
    run("two", is_there=False)
    assert done == ["one", "two", "two"]


def test_a_step_that_fails_is_tried_again(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Set-up: a failure leaves no stamp behind."""
    monkeypatch.setattr(setup, "STAMPS", tmp_path)

    def fail() -> None:
        raise setup.SetupError("no network")

    for _ in range(2):
        with pytest.raises(setup.SetupError, match="no network"):
            setup.take(setup.Step("a step", "one", fail, is_there=True), "[1/1]", quiet=True)
    assert list(tmp_path.iterdir()) == []


def test_without_node_the_page_is_named_as_missing_and_nothing_else_fails(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Set-up: trading needs no Node; `make web` alone ends with exit 2 and the line that helps."""
    monkeypatch.setenv("PATH", "/nowhere")
    assert not setup.build_page(quiet=True)
    assert "node and npm are missing: `apt install nodejs npm`" in capsys.readouterr().out


def test_the_packages_of_the_page_are_pinned_and_name_no_registry() -> None:
    """Set-up: each package of the page by its hash, from whatever registry a machine uses."""
    lock_file = json.loads((setup.WEB / "package-lock.json").read_text())
    packages = {name: found for name, found in lock_file["packages"].items() if name}
    assert all("resolved" not in found for found in packages.values())
    assert all("integrity" in found for found in packages.values())
    asked = json.loads((setup.WEB / "package.json").read_text())["devDependencies"]
    assert all(re.fullmatch(r"[0-9][0-9a-z.-]*", version) for version in asked.values())


def test_the_page_is_small() -> None:
    """UI-10: at most 130 kB of compressed scripts, all pages together."""
    scripts = sorted((setup.WEB_BUILT / "assets").glob("*.js"))
    if not scripts:
        pytest.skip("the page is not built: `make web` needs Node 20.19")
    compressed = sum(len(gzip.compress(script.read_bytes(), 9)) for script in scripts)
    assert compressed <= 130_000, f"{compressed} bytes"


def test_a_wheel_gets_its_guard_as_a_program_that_pip_can_check(tmp_path: Path) -> None:
    """Set-up: among the scripts, executable, and in RECORD with its digest and length."""
    made, program = tmp_path / "holdfast-0.1.0-cp311-abi3-any.whl", tmp_path / "holdfast-guard"
    program.write_bytes(b"a program")
    with zipfile.ZipFile(made, "w") as empty:
        empty.writestr("holdfast-0.1.0.dist-info/RECORD", "holdfast-0.1.0.dist-info/RECORD,,\n")
    wheel.add_script(made, program)
    with zipfile.ZipFile(made) as whole:
        name = "holdfast-0.1.0.data/scripts/holdfast-guard"
        assert whole.read(name) == b"a program"
        assert whole.getinfo(name).external_attr >> 16 & 0o111 == 0o111
        lines = whole.read("holdfast-0.1.0.dist-info/RECORD").decode().splitlines()
    assert lines[1] == f"{name},sha256=1p6ozaJDNzPBzgLeZdqPSOaj27prsYh2ogYpCOVO98s,9"


def test_a_wheel_carries_the_page_and_the_configurations() -> None:
    """Set-up, UI-12: `run` and `init` begin with a file that stands in the wheel too."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    carried = {each["path"] for each in project["tool"]["maturin"]["include"]}
    assert carried == {"console/static/**/*", "configs/*.toml"}
    rooms = set(project["tool"]["maturin"]["python-packages"])
    assert rooms == set(setup.ROOMS)
