"""Compile the hash-pinned requirements: `.venv/bin/python tools/lock.py [FILE ...]`.

runtime.txt and dev.txt come from pyproject.toml, wire.txt from requirements/wire.in.
The files name no package index: a machine installs from wherever its own pip is set to.
"""

import hashlib
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FILES = {
    "runtime.txt": ["pyproject.toml"],
    "dev.txt": ["--extra", "dev", "--extra", "venue", "pyproject.toml"],
    "wire.txt": ["requirements/wire.in"],
}


def inputs_digest(pyproject: Path) -> str:
    """A digest of the declared dependencies alone, which the first line of each file repeats."""
    project = tomllib.loads(pyproject.read_text())["project"]
    declared = (
        project["requires-python"],
        project["dependencies"],
        project["optional-dependencies"]["dev"],
        project["optional-dependencies"]["venue"],
    )
    return hashlib.sha256(repr(declared).encode()).hexdigest()[:16]


def wire_digest(wanted: Path) -> str:
    """A digest of what the tests of the wire want, which the first line of wire.txt repeats."""
    return hashlib.sha256(wanted.read_bytes()).hexdigest()[:16]


def main(names: list[str]) -> int:
    """Write the files; needs the `uv` program on the path.

    Args:
        names: Which of them; none is all.

    Returns:
        0, or what uv returned.
    """
    base = ["uv", "pip", "compile", "--quiet", "--generate-hashes", "--no-annotate", "--no-header"]
    for name in names or FILES:
        target = ROOT / "requirements" / name
        command = [
            *base,
            "--python-version",
            "3.11",
            "--no-emit-index-url",
            *FILES[name],
        ]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            print(done.stderr, file=sys.stderr)
            return done.returncode
        digest = inputs_digest(ROOT / "pyproject.toml")
        if name == "wire.txt":
            digest = wire_digest(ROOT / "requirements" / "wire.in")
        head = f"# compiled by tools/lock.py from {FILES[name][-1]}, dependencies {digest}\n"
        target.write_text(head + done.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
