"""Build a wheel that is whole: `make wheel` writes build/wheel/holdfast-*.whl.

maturin packs the compiled core, the rooms and the page; the guard is a program of its own, which
pip puts beside the interpreter when it stands among a wheel's scripts.
"""

import base64
import hashlib
import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TARGET = ROOT / "build" / "wheel"
GUARD = ROOT / "target" / "release" / "holdfast-guard"
PAGE = "console/static/index.html"
RUNS_FOR_ALL = 0o100755 << 16
EXIT_SETUP = 2


def main() -> int:
    """Build it into an empty folder.

    Returns:
        0, or 2 where a part is missing.
    """
    for path, cure in ((ROOT / PAGE, "needs Node 20.19"), (GUARD, "needs cargo")):
        if not path.exists():
            print(f"wheel: {path} is missing: `make setup` builds it, which {cure}")
            return EXIT_SETUP
    for old in TARGET.glob("*.whl"):
        old.unlink()
    maturin = str(Path(sys.executable).parent / "maturin")
    subprocess.run(
        [maturin, "build", "--release", "--locked", "--quiet", "--out", str(TARGET)],
        cwd=ROOT,
        check=True,
    )
    (made,) = TARGET.glob("*.whl")
    add_script(made, GUARD)
    print(f"{made.relative_to(ROOT)} ({made.stat().st_size / 1e6:.1f} MB), the guard in it")
    return 0


def add_script(wheel: Path, program: Path) -> None:
    """Put a program among a wheel's scripts and into its RECORD.

    Args:
        wheel: `NAME-VERSION-TAGS.whl`, changed in place.
        program: What pip shall install beside the interpreter, under the same name.
    """
    package = "-".join(wheel.name.split("-")[:2])
    record = f"{package}.dist-info/RECORD"
    place = f"{package}.data/scripts/{program.name}"
    content = program.read_bytes()
    digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
    changed = wheel.with_suffix(".new")
    with zipfile.ZipFile(wheel) as old, zipfile.ZipFile(changed, "w", zipfile.ZIP_DEFLATED) as new:
        for entry in old.infolist():
            if entry.filename != record:
                new.writestr(entry, old.read(entry))
        script = zipfile.ZipInfo(place)
        script.external_attr = RUNS_FOR_ALL
        new.writestr(script, content, zipfile.ZIP_DEFLATED)
        line = f"{place},sha256={digest},{len(content)}\n"
        new.writestr(old.getinfo(record), old.read(record).decode() + line)
    changed.replace(wheel)


if __name__ == "__main__":
    sys.exit(main())
