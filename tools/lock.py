"""Compile the hash-pinned requirements from pyproject.toml: `.venv/bin/python tools/lock.py`.

The files name no package index: a machine installs from wherever its own pip is set to.
"""

import hashlib
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FILES = {"runtime.txt": [], "dev.txt": ["--extra", "dev"]}


def inputs_digest(pyproject: Path) -> str:
    """A digest of the declared dependencies alone, which the first line of each file repeats."""
    project = tomllib.loads(pyproject.read_text())["project"]
    declared = (
        project["requires-python"],
        project["dependencies"],
        project["optional-dependencies"]["dev"],
    )
    return hashlib.sha256(repr(declared).encode()).hexdigest()[:16]


def main() -> int:
    """Write both files; needs the `uv` program on the path.

    Returns:
        0, or what uv returned.
    """
    base = ["uv", "pip", "compile", "--quiet", "--generate-hashes", "--no-annotate", "--no-header"]
    for name, extra in FILES.items():
        target = ROOT / "requirements" / name
        command = [
            *base,
            "--python-version",
            "3.11",
            "--no-emit-index-url",
            *extra,
            "pyproject.toml",
        ]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            print(done.stderr, file=sys.stderr)
            return done.returncode
        digest = inputs_digest(ROOT / "pyproject.toml")
        head = f"# compiled by tools/lock.py from pyproject.toml, dependencies {digest}\n"
        target.write_text(head + done.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main())
