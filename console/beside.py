"""The console beside a run: started, watched, and started again; trading does not depend on it."""

import asyncio
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

MODULE: Final = "console.serve"
OUTPUT_FILE: Final = "console-output.txt"
RESTARTS_MAX: Final = 5
BACKOFF_FIRST_S: Final = 0.5
BACKOFF_MAX_S: Final = 10.0
LIVED_LONG_S: Final = 60.0
NICE: Final = 5

Prepare = Callable[[signal.Signals, int], Callable[[], None]]


class ConsoleBeside:
    """Keeps one console process alive until it is stopped.

    Args:
        data_dir: Whose run it shows.
        config: The run's configuration: port, certificate, alerts, logs.
        say: Told the link, and what goes wrong.
        python: The interpreter of the child.
        module: What to run; other than the real one in tests.
        prepare: What a child does before it starts: signal at the launcher's death, niceness.
    """

    def __init__(
        self,
        data_dir: Path,
        config: Path | None,
        say: Callable[[str], None],
        *,
        python: str,
        module: str,
        prepare: Prepare,
    ) -> None:
        """Nothing is started yet."""
        self._data_dir = data_dir
        self._config = config
        self._say = say
        self._python = python
        self._module = module
        self._prepare = prepare
        self._port = 0  # as configured; then the one it had
        self._process: asyncio.subprocess.Process | None = None

    async def keep(self) -> None:
        """Until cancelled, or until it has failed too often; then the run goes on without it."""
        failures = 0
        loop = asyncio.get_running_loop()
        while True:
            started_s = loop.time()
            try:
                code = await self._run_once()
            except OSError as error:
                self._say(f"the console did not start: {error}")
                return
            failures = 0 if loop.time() - started_s > LIVED_LONG_S else failures + 1
            if failures > RESTARTS_MAX:
                where = self._data_dir / OUTPUT_FILE
                self._say(f"the console ended {failures} times and is given up; see {where}")
                return
            wait_s = min(BACKOFF_FIRST_S * 2.0 ** (failures - 1), BACKOFF_MAX_S)
            self._say(f"the console ended with {code}; started again in {wait_s:g} s")
            await asyncio.sleep(wait_s)

    async def _run_once(self) -> int:
        with (self._data_dir / OUTPUT_FILE).open("ab") as output:
            process = await asyncio.create_subprocess_exec(
                self._python,
                "-m",
                self._module,
                str(self._data_dir),
                str(self._port),
                *([] if self._config is None else [str(self._config)]),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=output,
                preexec_fn=self._prepare(signal.SIGTERM, NICE),
            )
        self._process = process
        assert process.stdout is not None  # noqa: S101  it was asked for
        async for line in process.stdout:
            link = line.decode().strip()
            self._port = urlsplit(link).port or self._port  # the same one after a restart
            self._say(f"console {link}")
        return await process.wait()

    def process(self) -> asyncio.subprocess.Process | None:
        """The child, to be ended with the run."""
        return self._process
