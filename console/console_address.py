"""Where the console of a data directory listens; `holdfast console` starts it or asks it."""

import http.client
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Final, Self

import orjson
import typer

from actors.operator_door import load_token
from console.context import DataDir, existing_data_dir, say

PORT_DEFAULT: Final = 8700
ADDRESS_FILE: Final = "console.json"
_ASK_LIMIT_S: Final = 3.0


@dataclass(frozen=True, slots=True)
class ConsoleAddress:
    """Content of `console.json`."""

    host: str
    port: int
    pid: int

    @property
    def url(self) -> str:
        """Its origin."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"

    @classmethod
    def read(cls, folder: Path) -> Self | None:
        """The console of a data directory; None when it is not there or its process has ended."""
        try:
            address = cls(**orjson.loads((folder / ADDRESS_FILE).read_bytes()))
            os.kill(address.pid, 0)
        except (OSError, ValueError, TypeError):
            return None
        return address

    def write(self, folder: Path) -> None:
        """Replace the file in one step; readable by its owner only."""
        aside = folder / f".{ADDRESS_FILE}.{self.pid}"
        aside.write_bytes(orjson.dumps(asdict(self)) + b"\n")
        aside.chmod(0o600)
        aside.replace(folder / ADDRESS_FILE)

    def remove(self, folder: Path) -> None:
        """Take the file away if it is still this one."""
        if type(self).read(folder) == self:
            (folder / ADDRESS_FILE).unlink(missing_ok=True)

    def new_link(self, token: str) -> str | None:
        """A link that signs in once; None when that process is no console of ours any more."""
        connection = http.client.HTTPConnection(self.host, self.port, timeout=_ASK_LIMIT_S)
        try:
            headers = {"Authorization": f"Bearer {token}"}
            connection.request("POST", "/api/session/code", headers=headers)
            code = orjson.loads(connection.getresponse().read())["code"]
        except (OSError, http.client.HTTPException, ValueError, KeyError, TypeError):
            return None
        finally:
            connection.close()
        return f"{self.url}/#code={code}"


def console(
    *,
    host: Annotated[str, typer.Option(help="A loopback address.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="The port, or the next free one.")] = PORT_DEFAULT,
    data_dir: DataDir = None,
) -> None:
    """Serve the operator's page; where one runs already, print a new link to it.

    Example: holdfast console
    """
    folder = existing_data_dir(data_dir)
    running = ConsoleAddress.read(folder)
    link = None if running is None else running.new_link(load_token(folder))
    if running is not None and link is not None:
        say(f"console {link} (runs already, process {running.pid})")
        return
    import uvloop  # noqa: PLC0415  a server's libraries take long to load

    from console.serve import ConsoleSettings, serve  # noqa: PLC0415

    settings = ConsoleSettings(data_dir=folder, host=host, port=port)
    uvloop.run(serve(settings, lambda url: say(f"console {url}")))
