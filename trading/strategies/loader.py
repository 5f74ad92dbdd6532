"""Finds a user's one-file strategies and policies, by name, and again without a restart (SG-1).

A file that cannot be loaded is reported with its fault and stops nobody else's.
"""

import importlib.abc
import importlib.util
import sys
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from types import ModuleType
from typing import Final, Generic, TypeVar

from trading.errors import ConfigError, nearest

Kind = TypeVar("Kind")
_MODULES: Final = "holdfast_user"


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded(Generic[Kind]):
    """One file as it was read.

    Attributes:
        name: The file's name without `.py`.
        sha256: In hex, of exactly the bytes that were run.
        kind: The class it holds; None when it cannot be used.
        error: Why not, empty when it can.
        is_enabled: Whether it may run: configured by name, and there since the start.
    """

    name: str
    path: Path
    sha256: str
    kind: type[Kind] | None
    error: str = ""
    is_enabled: bool = False


class Folder(Generic[Kind]):
    """The files of one folder that hold one class each; subfolders and `_names` are not read."""

    def __init__(self, path: Path, base: type[Kind], enabled: frozenset[str] = frozenset()) -> None:
        """Read what is there now; a folder that does not exist is an empty one."""
        self._path = path
        self._base = base
        self._found: dict[str, Loaded[Kind]] = {}
        for loaded in self._read_changed():
            self._found[loaded.name] = _enabled(loaded, enabled)

    def __iter__(self) -> Iterator[Loaded[Kind]]:
        """All that are there, by name."""
        return iter(sorted(self._found.values(), key=_name_of))

    def get(self, name: str) -> Loaded[Kind] | None:
        """The file of that name, or None."""
        return self._found.get(name)

    def require(self, name: str, where: str) -> type[Kind]:
        """The class of that name.

        Raises:
            ConfigError: No such file, or it cannot be used; `where` names who asks.
        """
        loaded = self._found.get(name)
        if loaded is None:
            raise ConfigError(
                f"{where}: expected {self._path / name}.py, found none{nearest(name, self._found)}"
            )
        if loaded.kind is None:
            raise ConfigError(f"{where}: {loaded.error}")
        return loaded.kind

    def rescan(self) -> list[Loaded[Kind]]:
        """Look again.

        Returns:
            What is new or changed since the last look, all of it disabled: a file that appears
            while money is at work waits until a person enables it.
        """
        changed = list(self._read_changed())
        for loaded in changed:
            self._found[loaded.name] = loaded
        gone = [name for name, loaded in self._found.items() if not loaded.path.exists()]
        for name in gone:
            del self._found[name]
        return changed

    def _read_changed(self) -> Iterator[Loaded[Kind]]:
        for path in sorted(self._path.glob("*.py")):
            if path.name.startswith(("_", "test_")):
                continue
            before = self._found.get(path.stem)
            try:
                source = path.read_bytes()
            except OSError as error:
                text = f"{path}: cannot be read: {error.strerror}"
                yield Loaded(name=path.stem, path=path, sha256="", kind=None, error=text)
                continue
            if before is None or before.sha256 != sha256(source).hexdigest():
                yield load_source(path, source, self._base)


def load_file(path: Path, base: type[Kind]) -> type[Kind]:
    """The one class in a file that derives from `base`.

    Raises:
        ConfigError: The file cannot be read or used.
    """
    try:
        loaded = load_source(path, path.read_bytes(), base)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error
    if loaded.kind is None:
        raise ConfigError(loaded.error)
    return loaded.kind


def load_source(path: Path, source: bytes, base: type[Kind]) -> Loaded[Kind]:
    """Run a file's bytes and pick out its class; what is wrong with it is in the result."""
    digest = sha256(source).hexdigest()
    try:
        kind = _class_in(_run(path, source, digest), base)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001 - a user's file may raise anything, SystemExit too
        text = f"{path}: {_fault(error, path)}"
        return Loaded(name=path.stem, path=path, sha256=digest, kind=None, error=text)
    if not getattr(kind, "name", ""):
        kind.name = path.stem  # type: ignore[attr-defined]
    return Loaded(name=path.stem, path=path, sha256=digest, kind=kind)


class _Source(importlib.abc.SourceLoader):
    """Runs bytes that were read already: what is hashed is what runs, and no cache is written."""

    def __init__(self, path: Path, source: bytes) -> None:
        self._path = path
        self._source = source

    def get_filename(self, fullname: str) -> str:
        del fullname
        return str(self._path)

    def get_data(self, path: str) -> bytes:
        del path
        return self._source


def _run(path: Path, source: bytes, digest: str) -> ModuleType:
    name = f"{_MODULES}.{path.stem}_{digest[:12]}"
    spec = importlib.util.spec_from_loader(name, _Source(path, source))
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} cannot be imported")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look their module up
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


class _WrongFileError(Exception):
    pass


def _class_in(module: ModuleType, base: type[Kind]) -> type[Kind]:
    own = [
        thing
        for thing in vars(module).values()
        if isinstance(thing, type)
        and issubclass(thing, base)
        and thing.__module__ == module.__name__
    ]
    if len(own) != 1:
        names = ", ".join(sorted(thing.__name__ for thing in own)) or "none"
        raise _WrongFileError(f"expected one class derived from {base.__name__}, found {names}")
    missing: frozenset[str] = getattr(own[0], "__abstractmethods__", frozenset())
    if missing:
        raise _WrongFileError(f"{own[0].__name__} has no method {', '.join(sorted(missing))}")
    return own[0]


def _fault(error: BaseException, path: Path) -> str:
    if isinstance(error, _WrongFileError):
        return str(error)
    if isinstance(error, SyntaxError):
        return f"line {error.lineno}: {error.msg}"
    lines = [
        frame.lineno
        for frame in traceback.extract_tb(error.__traceback__)
        if frame.filename == str(path)
    ]
    where = f"line {lines[-1]}: " if lines else ""
    return f"{where}{type(error).__name__}: {error}"


def _name_of(loaded: Loaded[Kind]) -> str:
    return loaded.name


def _enabled(loaded: Loaded[Kind], enabled: frozenset[str]) -> Loaded[Kind]:
    return Loaded(
        name=loaded.name,
        path=loaded.path,
        sha256=loaded.sha256,
        kind=loaded.kind,
        error=loaded.error,
        is_enabled=loaded.kind is not None and loaded.name in enabled,
    )
