"""Other systems, measured on this machine in an environment of their own.

The environment is made by `make bench ARGS=--peers` and used whenever it is there. Its scripts
import nothing of this project and print one line of JSON.
"""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parents[2]
VENV: Final = ROOT / "build" / "peers-venv"
# The newest release of the first that Python 3.11 can install.
PACKAGES: Final = ("nautilus_trader==1.221.0", "TA-Lib==0.8.2")
_READY: Final = "ready"
_SCRIPT_S_MAX: Final = 300


class PeerError(Exception):
    """A peer could not be installed or did not run."""


@dataclass(frozen=True, slots=True)
class Peers:
    """The environment, once it is there."""

    python: Path

    def run(self, script: str, *arguments: str) -> dict[str, Any]:
        """What one of the scripts beside this file measured.

        Args:
            script: Its name without `.py`.
            arguments: Its arguments.

        Raises:
            PeerError: It failed or printed no result.
        """
        path = Path(__file__).with_name(f"{script}.py")
        done = subprocess.run(
            [str(self.python), "-W", "ignore", str(path), *arguments],
            capture_output=True,
            text=True,
            timeout=_SCRIPT_S_MAX,
            check=False,
        )
        for line in done.stdout.splitlines():
            if line.startswith('{"peer"'):  # an engine prints lines of its own between
                result: dict[str, Any] = json.loads(line)
                return result
        raise PeerError(f"{script} gave no result (exit {done.returncode}): {done.stderr[-500:]}")


def find() -> Peers | None:
    """The environment if it was made with the packages named above, else None."""
    stamp = VENV / _READY
    if stamp.exists() and stamp.read_text() == _stamp():
        return Peers(VENV / "bin" / "python")
    return None


def make() -> Peers:
    """Make the environment unless it is there; takes a few minutes and about 700 MB.

    Raises:
        PeerError: Something could not be installed.
    """
    found = find()
    if found is not None:
        return found
    python = VENV / "bin" / "python"
    pip = [str(python), "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
    for command in ([sys.executable, "-m", "venv", "--clear", str(VENV)], [*pip, *PACKAGES]):
        if subprocess.run(command, check=False).returncode != 0:
            raise PeerError(f"this failed, see above: {' '.join(command)}")
    (VENV / _READY).write_text(_stamp())
    return Peers(python)


def _stamp() -> str:
    return "\n".join(PACKAGES)
