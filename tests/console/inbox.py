"""A person's inbox on loopback: takes messages over HTTP, or answers as it is told to."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import orjson


class Inbox:
    """What was delivered, in order; `status` is what it answers, `is_silent` that it never does."""

    def __init__(self) -> None:
        """Listens on any free port of loopback."""
        self.heard: list[dict[str, Any]] = []
        self.status = 200
        self.is_silent = False
        self.hung_up = threading.Event()
        inbox = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if inbox.is_silent:
                    inbox.hung_up.wait(30)
                    return
                if inbox.status == 200:
                    inbox.heard.append(orjson.loads(body))
                self.send_response(inbox.status)
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True

    @property
    def address(self) -> str:
        """As a channel's address, with a secret in it."""
        return f"json://127.0.0.1:{self.server.server_address[1]}/hook/s3cr3t-t0ken"

    @property
    def titles(self) -> list[str]:
        """First lines."""
        return [message["title"] for message in self.heard]


@contextmanager
def inbox() -> Iterator[Inbox]:
    """Serve one."""
    made = Inbox()
    thread = threading.Thread(target=made.server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield made
    finally:
        made.hung_up.set()
        made.server.shutdown()
        thread.join()
        made.server.server_close()
