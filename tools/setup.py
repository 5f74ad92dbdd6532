"""Set up this checkout, then run a command; standard library only, as nothing is installed yet.

Each step is stamped with a hash of what it reads (and of the step before it), so that a second run
starts in about a second. A step that fails leaves no stamp, and is done again the next time.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
GUARD = VENV / "bin/holdfast-guard"
WIRE_VENV = ROOT / ".venv-wire"
STAMPS = ROOT / ".stamps"
REQUIREMENTS = ROOT / "requirements" / "dev.txt"
WIRE_REQUIREMENTS = ROOT / "requirements" / "wire.txt"
PYTHON_MIN = (3, 11)
CARGO_MIN = (1, 85)
WEB = ROOT / "console" / "web"
WEB_BUILT = ROOT / "console" / "static"
NODE_MIN = (20, 19)
ROOMS = ["rust_core", "trading", "streams", "storage", "brokers", "actors", "research", "console"]
EXIT_FAILED = 1
EXIT_SETUP = 2
SOAK_SEEDS = "1..20000"


class SetupError(Exception):
    """Something that this machine lacks, with the line that puts it right."""


def say(text: str) -> None:
    """One line for the person who waits; flushed, because the next step may take a minute."""
    print(text, flush=True)


def main(argv: list[str]) -> int:
    """Set up, then do what is asked.

    Returns:
        0 done, 1 a command failed, 2 wrong usage or an incomplete machine.
    """
    name, arguments = (argv[0], argv[1:]) if argv else ("setup", [])
    command = COMMANDS.get(name)
    if command is None:
        say(f"expected one of {', '.join(COMMANDS)}; found {name}")
        return EXIT_SETUP
    try:
        with _one_at_a_time():
            set_up(quiet=name != "setup")
            if name in {"setup", "run", "test", "wheel"}:
                build_page(quiet=name != "setup")
        return command(arguments)
    except SetupError as error:
        say(f"set-up: {error}")
        return EXIT_SETUP
    except KeyboardInterrupt:
        return 130


# --- set-up -------------------------------------------------------------------------------------


def set_up(*, quiet: bool) -> None:
    """Bring `.venv`, the pinned packages and the compiled part up to date.

    Args:
        quiet: Say nothing of the steps that had nothing to do.
    """
    _check_machine()
    STAMPS.mkdir(exist_ok=True)
    version = ".".join(map(str, sys.version_info[:3]))
    venv = Step("python environment", version, _make_venv, is_there=(VENV / "bin/python").exists())
    before = take(venv, "[1/3]", quiet=quiet) + str((VENV / "pyvenv.cfg").stat().st_mtime_ns)
    packages = Step("pinned packages", before + _hash_of([REQUIREMENTS]), _install)
    before = take(packages, "[2/3]", quiet=quiet)
    built = Step("compiled part", before + _hash_of(_build_inputs()), _build, is_there=_is_built())
    take(built, "[3/3]", quiet=quiet)


def build_page(*, quiet: bool) -> bool:
    """Build the console's page where this machine has Node; without it the rest works as well.

    Returns:
        Whether the page is built.
    """
    missing = _missing_for_page()
    if missing:
        say(f"[page] not built: {missing}; trading does not depend on it")
        return False
    modules = WEB / "node_modules"
    packages = Step(
        "page packages", _hash_of([WEB / "package-lock.json"]), _npm_ci, is_there=modules.is_dir()
    )
    before = take(packages, "[page]", quiet=quiet)
    inputs = before + _hash_of(_page_sources())
    page = Step("page", inputs, _npm_build, is_there=(WEB_BUILT / "index.html").exists())
    take(page, "[page]", quiet=quiet)
    return True


def _missing_for_page() -> str:
    if shutil.which("node") is None or shutil.which("npm") is None:
        return "node and npm are missing: `apt install nodejs npm`, or from nodejs.org"
    found = _version_of(["node", "--version"])
    if found < NODE_MIN:
        return (
            f"node {NODE_MIN[0]}.{NODE_MIN[1]} or newer is needed, "
            f"found {'.'.join(map(str, found))}"
        )
    return ""


def _npm_ci() -> None:
    _run(["npm", "ci", "--no-audit", "--no-fund", "--loglevel=error"], WEB)


def _npm_build() -> None:
    _run(["npm", "run", "--silent", "build", "--", "--logLevel", "warn"], WEB)


def _page_sources() -> list[Path]:
    """All that the page is built from, in a stable order."""
    own = [path for path in WEB.iterdir() if path.is_file()]
    return sorted([*own, *(path for path in (WEB / "src").rglob("*") if path.is_file())])


class Step:
    """One part of the set-up: done when its stamp holds the digest of its inputs."""

    def __init__(
        self, name: str, inputs: str, work: Callable[[], None], *, is_there: bool = True
    ) -> None:
        """Describe it.

        Args:
            name: What it is called on the screen; its stamp has this name too.
            work: Does it; raises SetupError.
            inputs: Text that differs whenever the work has to be done again.
            is_there: Whether the result still exists.
        """
        self.name = name
        self.digest = hashlib.sha256(inputs.encode()).hexdigest()
        self.work = work
        self.is_there = is_there
        self.stamp = STAMPS / name.replace(" ", "-")


def take(step: Step, number: str, *, quiet: bool) -> str:
    """Do the step unless it is done already.

    Returns:
        The digest that the next step builds on.

    Raises:
        SetupError: The work failed; it leaves no stamp.
    """
    if step.is_there and step.stamp.exists() and step.stamp.read_text() == step.digest:
        if not quiet:
            say(f"{number} {step.name:<20} up to date")
        return step.digest
    say(f"{number} {step.name} ...")
    step.stamp.unlink(missing_ok=True)
    started = time.monotonic()
    step.work()
    step.stamp.write_text(step.digest)
    say(f"{number} {step.name:<20} {time.monotonic() - started:.1f}s")
    return step.digest


def _check_machine() -> None:
    """Say all that is missing at once, each with the line that installs it."""
    missing = []
    if sys.version_info < PYTHON_MIN:
        missing.append(
            f"python 3.11 or newer is needed, this is {sys.version.split()[0]}: "
            "`apt install python3.11`, then `make PYTHON=python3.11 ...`"
        )
    if importlib.util.find_spec("ensurepip") is None:
        missing.append("python's own pip is missing: `apt install python3-venv python3-pip`")
    if shutil.which("cargo") is None:
        missing.append("cargo is missing: install Rust with rustup, or `apt install cargo`")
    else:
        found = _version_of(["cargo", "--version"])
        if found < CARGO_MIN:
            missing.append(
                f"cargo {CARGO_MIN[0]}.{CARGO_MIN[1]} or newer is needed, "
                f"found {'.'.join(map(str, found))}: `rustup update stable`"
            )
    if missing:
        raise SetupError("\nset-up: ".join(missing))


def _version_of(command: list[str]) -> tuple[int, ...]:
    try:
        out = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    except OSError:
        return (0, 0)
    found = re.search(r"(\d+)\.(\d+)", out)
    return tuple(int(part) for part in found.groups()) if found else (0, 0)


def _make_venv() -> None:
    has_pip = _works([str(_python()), "-m", "pip", "--version"])
    same = _version_of([str(_python()), "--version"]) == sys.version_info[:2]
    if not (has_pip and same):
        _run([sys.executable, "-m", "venv", "--clear", str(VENV)])


def _install() -> None:
    """Every package by hash, from whatever index this machine's pip is set to."""
    pip = [str(_python()), "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
    _run([*pip, "--require-hashes", "--requirement", str(REQUIREMENTS)])


def _build() -> None:
    """Build extension and guard in release mode and link this checkout into the environment."""
    pip = [str(_python()), "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
    _run([*pip, "--no-deps", "--no-build-isolation", "--editable", str(ROOT)])
    _run(["cargo", "build", "--release", "--locked", "--quiet", "--package", "holdfast_guard"])
    fresh = GUARD.with_suffix(".new")  # one that runs keeps its own file
    shutil.copy2(ROOT / "target/release" / GUARD.name, fresh)
    fresh.replace(GUARD)


def _build_inputs() -> Iterable[Path]:
    yield from (ROOT / "pyproject.toml", ROOT / "Cargo.toml", ROOT / "Cargo.lock")
    yield from rust_sources()


def rust_sources() -> list[Path]:
    """All that cargo compiles, in a stable order."""
    found = [*(ROOT / "rust_core").rglob("*.rs"), *(ROOT / "rust_core").rglob("Cargo.toml")]
    return sorted(found)


def _is_built() -> bool:
    programs = (VENV / "bin/holdfast", GUARD)
    return any((ROOT / "rust_core").glob("_native*.so")) and all(map(Path.exists, programs))


def _hash_of(paths: Iterable[Path]) -> str:
    digest = hashlib.sha256()
    for path in paths:
        digest.update(str(path.relative_to(ROOT)).encode() + b"\0")
        digest.update(path.read_bytes() + b"\0")
    return digest.hexdigest()


# --- commands -----------------------------------------------------------------------------------


def _setup(_: list[str]) -> int:
    say("ready: make run, make test, make check")
    return 0


def _wheel(_: list[str]) -> int:
    """A wheel with the page and the guard in it."""
    return subprocess.call([str(_python()), str(ROOT / "tools" / "wheel.py")])


def _run_session(arguments: list[str]) -> int:
    command = [_tool("holdfast"), "run", *arguments]
    os.execv(command[0], command)  # noqa: S606 - Ctrl-C and its exit code are the program's own


def _test(arguments: list[str]) -> int:
    steps = [] if _cargo_tests_passed() else [_cargo_tests()]
    if not _missing_for_page():
        _find_browser()
        steps.append(("page tests", ["npm", "--prefix", str(WEB), "test", "--silent"]))
    return _all_of([*steps, ("pytest", [_tool("pytest"), *_workers(arguments), *arguments])])


def _workers(arguments: list[str]) -> list[str]:
    """Several processes; `-n 0` asks for a single one, as `--pdb` does by itself.

    Most of the time of a test is waiting for a process or a wire: two workers for each core.
    """
    if any(each.startswith(("-n", "--numprocesses", "--pdb")) for each in arguments):
        return []
    return ["-n", str(2 * (os.cpu_count() or 1)), "--dist", "worksteal"]


def _check(_: list[str]) -> int:
    python = str(_python())
    cargo = ["cargo", "clippy", "--workspace", "--all-targets", "--locked", "--quiet"]
    stubs = [python, "-m", "mypy.stubtest", "rust_core", "--mypy-config-file", "pyproject.toml"]
    return _all_of(
        [
            ("ruff format", [_tool("ruff"), "format", "--check", "."]),
            ("ruff check", [_tool("ruff"), "check", "."]),
            ("mypy", [_tool("mypy")]),
            ("import direction", [_tool("lint-imports"), "--no-cache", "--no-logo"]),
            ("stubs", stubs),
            ("cargo fmt", ["cargo", "fmt", "--all", "--check"]),
            ("cargo clippy", [*cargo, "--", "-D", "warnings"]),
            _cargo_tests(),
            *_page_checks(),
        ]
    )


def _find_browser() -> None:
    """The browser of the page's tests: installed where this may be done, else named as missing."""
    if Path(os.environ.get("HOLDFAST_CHROMIUM", "/usr/bin/chromium")).exists():
        return
    if os.geteuid() == 0 and shutil.which("apt-get") is not None:
        say("[browser] installing chromium for the tests of the page ...")
        install = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", "chromium"]
        if _works(install) or (_works(["apt-get", "update", "-qq"]) and _works(install)):
            return
    say("[browser] no chromium: tests of the page in a browser are skipped; `apt install chromium`")


def _page_checks() -> list[tuple[str, list[str]]]:
    """Types of the page's sources, where this machine can read them."""
    if not build_page(quiet=True):
        return []
    return [("svelte-check", ["npm", "--prefix", str(WEB), "run", "--silent", "check"])]


def _bench(arguments: list[str]) -> int:
    if not (ROOT / "benchmarks/__main__.py").exists():
        say("bench: there are no benchmarks in this version")
        return EXIT_SETUP
    return _all_of([("bench", [str(_python()), "-m", "benchmarks", *arguments])])


def _soak(arguments: list[str]) -> int:
    """A long session that fails on growth; `tests ...` are the tests with many more examples.

    `worlds` simulates SOAK_SEEDS, or what is said behind it.
    """
    if arguments[:1] == ["worlds"]:
        wanted = arguments[1:] or ["--seeds", SOAK_SEEDS, "--jobs", "0", "--json"]
        return _all_of([("soak", [_tool("holdfast"), "simulate", *wanted])])
    if arguments[:1] != ["tests"]:
        return _all_of([("soak", [str(_python()), "-m", "research.soak", *arguments])])
    os.environ["HOLDFAST_SOAK"] = "1"
    arguments = arguments[1:]
    return _all_of([("soak", [_tool("pytest"), "--timeout=3600", *arguments])])


def _test_wire(arguments: list[str]) -> int:
    """Brokers' own client libraries, in an environment of their own, drive the venue simulator."""
    with _one_at_a_time():
        version = ".".join(map(str, sys.version_info[:3]))
        wanted = version + _hash_of([WIRE_REQUIREMENTS])
        is_there = (WIRE_VENV / "bin/python").exists()
        take(Step("wire environment", wanted, _make_wire, is_there=is_there), "[4/4]", quiet=True)
    tests = ["-c", "tests/wire/pytest.ini", "tests/wire", *arguments]
    return _all_of([("wire", [str(WIRE_VENV / "bin/python"), "-m", "pytest", *tests])])


def _make_wire() -> None:
    """Every package by hash, from whatever index this machine's pip is set to."""
    _run([sys.executable, "-m", "venv", "--clear", str(WIRE_VENV)])
    pip = [str(WIRE_VENV / "bin/python"), "-m", "pip", "--disable-pip-version-check"]
    packages = ["--require-hashes", "--requirement", str(WIRE_REQUIREMENTS)]
    # What is never imported need not be compiled: half of the installation is that.
    _run([*pip, "install", "--quiet", "--no-compile", *packages])


def _web(_: list[str]) -> int:
    """Build the page; here its absence is a failure."""
    return 0 if build_page(quiet=False) else EXIT_SETUP


def _cargo_tests() -> tuple[str, list[str]]:
    return ("cargo test", ["cargo", "test", "--workspace", "--locked", "--quiet"])


def _cargo_tests_passed() -> bool:
    stamp = STAMPS / "cargo-test"
    return stamp.exists() and stamp.read_text() == _hash_of(_build_inputs())


def _all_of(steps: list[tuple[str, list[str]]]) -> int:
    """Run every step even after a failure, so that one run names all that is wrong."""
    environment = _environment()
    failed = []
    for name, command in steps:
        say(f"--- {name}")
        started = time.monotonic()
        code = subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode
        say(f"--- {name}: {'passed' if code == 0 else 'FAILED'} {time.monotonic() - started:.1f}s")
        if code != 0:
            failed.append(name)
        elif name == "cargo test":
            (STAMPS / "cargo-test").write_text(_hash_of(_build_inputs()))
    if failed:
        say(f"failed: {', '.join(failed)}")
    return EXIT_FAILED if failed else 0


# --- small parts --------------------------------------------------------------------------------


def _python() -> Path:
    return VENV / "bin/python"


def _tool(name: str) -> str:
    return str(VENV / "bin" / name)


def _environment() -> dict[str, str]:
    """This environment's programs first, and one python for every build of the bindings."""
    path = f"{VENV / 'bin'}{os.pathsep}{os.environ.get('PATH', '')}"
    return {**os.environ, "PATH": path, "PYO3_PYTHON": str(_python())}


def _works(command: list[str]) -> bool:
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def _run(command: list[str], folder: Path = ROOT) -> None:
    if subprocess.run(command, cwd=folder, env=_environment(), check=False).returncode != 0:
        raise SetupError(f"this failed, see above: {' '.join(command)}")


@contextlib.contextmanager
def _one_at_a_time() -> Iterator[None]:
    """Two terminals may type `make` at once; the second waits."""
    STAMPS.mkdir(exist_ok=True)
    with (STAMPS / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("set-up: another one is running in this checkout; waiting for it")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


COMMANDS: dict[str, Callable[[list[str]], int]] = {
    "setup": _setup,
    "run": _run_session,
    "test": _test,
    "test-wire": _test_wire,
    "check": _check,
    "bench": _bench,
    "web": _web,
    "wheel": _wheel,
    "soak": _soak,
}

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
