"""Where the operator port listens: the socket, and the file `operator.json` that says so."""

import errno
import os
import socket
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import orjson

from trading.errors import SetupError

ADDRESS_FILE: Final = "operator.json"
_PORTS_TRIED: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorAddress:
    """Content of `operator.json`. It says where to ask, not that anybody is still there."""

    host: str
    port: int
    pid: int
    run: str
    started_ns: int

    def write(self, data_dir: Path) -> None:
        """Replace the file in one step; readable by its owner only."""
        aside = data_dir / f".{ADDRESS_FILE}.{os.getpid()}"
        aside.unlink(missing_ok=True)
        fd = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(fd, "wb") as file:
            file.write(orjson.dumps(asdict(self)) + b"\n")
        aside.replace(data_dir / ADDRESS_FILE)


def read_address(data_dir: Path) -> OperatorAddress | None:
    """The address that a trader left here; None when there is none that can be read."""
    try:
        return OperatorAddress(**orjson.loads((data_dir / ADDRESS_FILE).read_bytes()))
    except (OSError, ValueError, TypeError):
        return None


def remove_address(data_dir: Path) -> None:
    """Take the file away if it is this process's own."""
    address = read_address(data_dir)
    if address is not None and address.pid == os.getpid():
        (data_dir / ADDRESS_FILE).unlink(missing_ok=True)


def bind(host: str, port: int) -> socket.socket:
    """A bound socket: at `port` or the next free one; 0 leaves the choice to the system.

    Raises:
        SetupError: When none of them is free.
    """
    last: OSError | None = None
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for candidate in range(port, port + (_PORTS_TRIED if port else 1)):
        listening = socket.socket(family, socket.SOCK_STREAM)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind((host, candidate))
            listening.listen(128)  # a port that another process listens on fails here at the latest
        except OSError as error:
            listening.close()
            last = error
            if error.errno != errno.EADDRINUSE:
                break
        else:
            return listening
    raise SetupError(f"the operator port found no free port on {host} from {port}: {last}")
