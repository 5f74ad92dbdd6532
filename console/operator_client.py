"""Speaks to a running trader through its operator port, by plain HTTP on loopback."""

import http.client
import os
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import orjson

from actors.operator_address import read_address
from actors.operator_door import load_token
from trading.errors import HoldfastError, SafetyRefusedError, SetupError

_TIMEOUT_S: Final = 5.0
_REFUSED = {409: SafetyRefusedError, 404: SetupError, 422: SetupError, 400: SetupError}


class TraderSilentError(HoldfastError):
    """A trader's process is there and its operator port does not answer."""


@dataclass(frozen=True, slots=True)
class RunningTrader:
    """A trader whose process lives."""

    host: str
    port: int
    pid: int
    run: str
    token: str

    def get(self, path: str) -> Any:
        """GET a JSON resource.

        Raises:
            HoldfastError: Of the kind that the answer's status stands for.
        """
        return self._ask("GET", path, None, _TIMEOUT_S)

    def post(self, path: str, body: dict[str, Any], wait_s: float = 0.0) -> Any:
        """POST one request; `wait_s` is how long the trader may take with the last answer.

        Raises:
            HoldfastError: Of the kind that the answer's status stands for.
        """
        return self._ask("POST", f"{path}?wait_s={wait_s:g}", body, _TIMEOUT_S + wait_s)

    def _ask(self, method: str, path: str, body: dict[str, Any] | None, timeout_s: float) -> Any:
        connection = http.client.HTTPConnection(self.host, self.port, timeout=timeout_s)
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        try:
            connection.request(method, path, None if body is None else orjson.dumps(body), headers)
            response = connection.getresponse()
            answer = orjson.loads(response.read())
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise TraderSilentError(
                f"the trader (process {self.pid}) does not answer at {self.host}:{self.port}: "
                f"{error}; `kill -USR2 {self.pid}` flattens by signal, `kill -USR1` pauses"
            ) from error
        finally:
            connection.close()
        if response.status >= http.HTTPStatus.BAD_REQUEST:
            raise _REFUSED.get(response.status, HoldfastError)(str(answer.get("error", answer)))
        return answer


def running_trader(data_dir: Path) -> RunningTrader | None:
    """The trader that uses this data directory; None when its process or its port is gone.

    A trader that hangs still has its port open. One whose port is closed is starting, ending or
    dead, and its number may be another process's by now: the lease on the record tells them apart.

    Raises:
        SetupError: When the token's file is not fit.
    """
    address = read_address(data_dir)
    if address is None or not _is_alive(address.pid) or not _listens(address.host, address.port):
        return None
    return RunningTrader(
        host=address.host,
        port=address.port,
        pid=address.pid,
        run=address.run,
        token=load_token(data_dir),
    )


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _listens(host: str, port: int) -> bool:
    try:
        socket.create_connection((host, port), timeout=_TIMEOUT_S).close()
    except ConnectionRefusedError:
        return False
    except OSError:  # too busy to answer is not gone
        return True
    return True
