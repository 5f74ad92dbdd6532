"""Which test proves which requirement: `.venv/bin/python tools/requirements.py [--write]`.

The wording of docs/requirements.md is written by hand. Its last column is not: a test proves the
requirements that its docstring names, and `--write` puts the tests there. Without `--write` it only
says whether the file is true.
"""

import ast
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

ROOT = Path(__file__).resolve().parent.parent
DOCUMENT = ROOT / "docs" / "requirements.md"
NOT_YET: Final = "not yet"
# How many requirements each group has; they are numbered from 1 without holes.
GROUPS: Final[Mapping[str, int]] = {
    "EX": 18, "ST": 9, "KC": 11, "PX": 9, "RK": 16, "PF": 8, "WD": 10, "SG": 8, "SX": 12, "OP": 7,
    "DE": 7, "FF": 3, "MD": 11, "BR": 9, "ME": 5, "PM": 4, "AL": 4, "RS": 12, "UI": 14,
}  # fmt: skip
ALL: Final = [f"{group}-{n}" for group, count in GROUPS.items() for n in range(1, count + 1)]
_ID: Final = re.compile(rf"\b(?:{'|'.join(GROUPS)})-[1-9][0-9]*\b")
_ROW: Final = re.compile(r"^\| (\S+) \| (.*) \| (.*) \|$")
_CONFLICT: Final = ("<<<<<<< ", "=======", ">>>>>>> ")
_RUST_TEST: Final = re.compile(
    r"((?:^[ \t]*///[^\n]*\n)*)(?:^[ \t]*#\[[^\n]*\]\n)*^[ \t]*#\[test\]\n"
    r"((?:^[ \t]*(?:///|#\[)[^\n]*\n)*)^[ \t]*fn (\w+)",
    re.MULTILINE,
)


def proofs(root: Path = ROOT) -> dict[str, list[str]]:
    """Requirement to the tests that name it, in order of their node ids."""
    found: dict[str, list[str]] = {}
    for node, docstring in sorted([*_python_tests(root), *_rust_tests(root)]):
        for requirement in dict.fromkeys(_ID.findall(docstring)):
            found.setdefault(requirement, []).append(node)
    return found


def _python_tests(root: Path) -> Iterator[tuple[str, str]]:
    for path in sorted((root / "tests").rglob("test_*.py")):
        where = path.relative_to(root).as_posix()
        tree = ast.parse(path.read_text())
        for node in tree.body:
            if isinstance(node, ast.ClassDef):
                inner = [(f"{where}::{node.name}::{one.name}", one) for one in _functions(node)]
                whole = ast.get_docstring(node) or ""
                yield from ((name, ast.get_docstring(one) or whole) for name, one in inner)
        yield from (
            (f"{where}::{one.name}", ast.get_docstring(one) or "") for one in _functions(tree)
        )


def _functions(node: ast.Module | ast.ClassDef) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    return [
        one
        for one in node.body
        if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef) and one.name.startswith("test_")
    ]


def _rust_tests(root: Path) -> Iterator[tuple[str, str]]:
    for path in sorted((root / "rust_core").rglob("*.rs")):
        where = path.relative_to(root).as_posix()
        for before, after, name in _RUST_TEST.findall(path.read_text()):
            yield f"{where}::{name}", before + after


def rows(text: str) -> list[tuple[str, str, str]]:
    """`(requirement, wording, tests)` of every row of the document's tables."""
    found = [_ROW.match(line) for line in text.splitlines()]
    return [
        (row[1], row[2], row[3]) for row in found if row and (_ID.fullmatch(row[1]) is not None)
    ]


def written(text: str, proved: Mapping[str, list[str]]) -> str:
    """The document with its last column taken from the tests.

    A row that is there twice, and what marks a conflict, are what merging two branches leaves
    behind (.gitattributes keeps the lines of both); the first row stays.
    """
    lines = []
    seen = set()
    for line in text.splitlines():
        row = _ROW.match(line)
        if line.startswith(_CONFLICT) or (row and row[1] in seen):
            continue
        if row and _ID.fullmatch(row[1]):
            seen.add(row[1])
            tests = "<br>".join(f"`{node}`" for node in proved.get(row[1], [])) or NOT_YET
            lines.append(f"| {row[1]} | {row[2]} | {tests} |")
        else:
            lines.append(line)
    return "\n".join(lines) + "\n"


def problems(text: str, proved: Mapping[str, list[str]]) -> list[str]:
    """What is untrue about the document, one sentence each."""
    listed = [requirement for requirement, _, _ in rows(text)]
    found = [f"{one} has no row" for one in ALL if one not in listed]
    found += [f"{one} has {listed.count(one)} rows" for one in ALL if listed.count(one) > 1]
    found += [f"{one} is no requirement" for one in sorted(set(listed) - set(ALL))]
    for requirement in sorted(set(proved) - set(ALL)):
        found.append(f"{requirement} is no requirement; {proved[requirement][0]} names it")
    if not found and text != written(text, proved):
        found.append("the tests have changed; run .venv/bin/python tools/requirements.py --write")
    return found


def main(argv: list[str]) -> int:
    """Check the document, or write its last column.

    Returns:
        0 when it is true, 1 when it is not, 2 for a wrong argument.
    """
    if argv not in ([], ["--write"]):
        print("expected no argument, or --write", file=sys.stderr)
        return 2
    text, proved = DOCUMENT.read_text(), proofs()
    if argv:
        text = written(text, proved)
        DOCUMENT.write_text(text)
    wrong = problems(text, proved)
    print("\n".join(wrong) or f"{len(set(proved) & set(ALL))} of {len(ALL)} have a test")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
