"""Where the console of a data directory listens; `holdfast console` starts it or asks it."""

import http.client
import os
import ssl
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Annotated, Final, Self

import orjson
import typer

from actors.operator_door import load_token
from console.context import AsJson, DataDir, existing_data_dir, say, say_json
from trading import config_reader

PORT_DEFAULT: Final = 8700
NO_PAGE: Final = "--no-page"
"""In place of the page: people are told of alerts, and nothing is served."""
ADDRESS_FILE: Final = "console.json"
_ASK_LIMIT_S: Final = 3.0


@dataclass(frozen=True, slots=True)
class ConsoleAddress:
    """Content of `console.json`; with a `certificate` (its path) the page is https."""

    host: str
    port: int
    pid: int
    certificate: str = ""

    @property
    def url(self) -> str:
        """Its origin."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'https' if self.certificate else 'http'}://{host}:{self.port}"

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
        try:
            connection = self._connection()
        except OSError:  # the certificate is not there any more
            return None
        try:
            headers = {"Authorization": f"Bearer {token}"}
            connection.request("POST", "/api/session/code", headers=headers)
            code = orjson.loads(connection.getresponse().read())["code"]
        except (OSError, http.client.HTTPException, ValueError, KeyError, TypeError):
            return None
        finally:
            connection.close()
        return f"{self.url}/#code={code}"

    def _connection(self) -> http.client.HTTPConnection:
        """Over TLS only to the very certificate that the console was given: it gets the token."""
        if not self.certificate:
            return http.client.HTTPConnection(self.host, self.port, timeout=_ASK_LIMIT_S)
        trust = ssl.create_default_context(cafile=self.certificate)
        trust.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        trust.check_hostname = False  # the address is loopback, the certificate's name is not
        return http.client.HTTPSConnection(
            self.host, self.port, timeout=_ASK_LIMIT_S, context=trust
        )


def last_port(folder: Path) -> int | None:
    """The port of the newest console that did not end by itself; None when there is none."""
    try:
        return ConsoleAddress(**orjson.loads((folder / ADDRESS_FILE).read_bytes())).port
    except (OSError, ValueError, TypeError):
        return None


def console(
    *,
    host: Annotated[str, typer.Option(help="A loopback address.")] = "127.0.0.1",
    port: Annotated[
        int | None,
        typer.Option(help="The port, or the next free one. Default: as configured, 8700."),
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option(help="Configuration file: alerts, certificate and logs are read from it."),
    ] = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Serve the operator's page; where one runs already, print a new link to it.

    Example: holdfast console
    """
    folder = existing_data_dir(data_dir)
    running = ConsoleAddress.read(folder)
    link = None if running is None else running.new_link(load_token(folder))
    if running is not None and link is not None:
        if as_json:
            say_json({"url": link, "pid": running.pid, "is_new": False})
        else:
            say(f"console {link} (runs already, process {running.pid})")
        return
    import uvloop  # noqa: PLC0415  a server's libraries take long to load

    from console.serve import ConsoleSettings, configured, serve  # noqa: PLC0415

    settings = ConsoleSettings(data_dir=folder)
    if config is not None:
        settings = configured(folder, config_reader.load(config), os.environ)
    settings = replace(settings, host=host, port=settings.port if port is None else port)

    def serves(url: str) -> None:
        if as_json:
            say_json({"url": url, "pid": os.getpid(), "is_new": True})
        else:
            say(f"console {url}")

    uvloop.run(serve(settings, serves))
