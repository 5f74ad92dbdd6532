"""What a person sees while a run goes on: a live panel, plain lines, or nothing."""

import sys
from collections import deque
from types import TracebackType
from typing import Final, Protocol, Self, TextIO

from rich.console import Console, Group
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from console.render import amount, moment, quantity, session_date, signed
from console.timeline import told
from console.urgency import severity_of
from trading.run_report import Happened, Notice, Progress

_NOTICES_SHOWN: Final = 8
_PLAIN_EVERY_NS: Final = 1_800 * 1_000_000_000  # half an hour of the session
_MODE_STYLE: Final = {"PAPER": "bold blue", "BACKTEST": "bold", "DRY_RUN": "bold magenta"}
_SEVERITY_STYLE: Final = {"WARNING": "yellow", "CRITICAL": "bold red"}
_STOP_HINT: Final = (
    "p pause · f flatten · Ctrl-C stop · another shell: holdfast status, kill, resume"
)


class Display(Protocol):
    """Takes what the front hears, until it is closed."""

    @property
    def takes_keys(self) -> bool:
        """Whether somebody sits before it."""

    def __enter__(self) -> Self:
        """Begin."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Give the terminal back."""

    def progress(self, progress: Progress) -> None:
        """The session moved on."""

    def notice(self, notice: Notice) -> None:
        """Something happened in the session."""

    def happened(self, happened: Happened) -> None:
        """An event of the session that people watch for was journaled."""

    def line(self, text: str) -> None:
        """Something happened around it: started, restarting, stopping."""


class SilentDisplay:
    """For --headless."""

    @property
    def takes_keys(self) -> bool:
        """Nobody does."""
        return False

    def __enter__(self) -> Self:
        """Nothing to begin."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Nothing to give back."""

    def progress(self, progress: Progress) -> None:
        """Nothing is shown."""

    def notice(self, notice: Notice) -> None:
        """Nothing is shown."""

    def happened(self, happened: Happened) -> None:
        """Nothing is shown."""

    def line(self, text: str) -> None:
        """Nothing is shown."""


class PlainDisplay(SilentDisplay):
    """A line each half hour of the session and for what matters: for logs and pipes."""

    def __init__(self, stream: TextIO) -> None:
        """Write to `stream`."""
        self._stream = stream
        self._session = 0
        self._shown_ns = 0
        self._kill_level = "NONE"

    def progress(self, progress: Progress) -> None:
        """Write one line when there is something new to say."""
        is_due = (
            progress.session_yyyymmdd != self._session
            or progress.kill_level != self._kill_level
            or progress.now_ns - self._shown_ns >= _PLAIN_EVERY_NS
        )
        if not is_due:
            return
        self._session = progress.session_yyyymmdd
        self._shown_ns = progress.now_ns
        self._kill_level = progress.kill_level
        self.line(plain_line(progress))

    def notice(self, notice: Notice) -> None:
        """Write warnings and worse; the rest stands in the journal."""
        if notice.severity != "INFO":
            self.line(f"{moment(notice.at_ns)} {notice.severity} {notice.text}")

    def happened(self, happened: Happened) -> None:
        """Write it."""
        self.line(f"{moment(happened.at_ns)} {_in_words(happened)}")

    def line(self, text: str) -> None:
        """Write it."""
        self._stream.write(text + "\n")
        self._stream.flush()


def plain_line(progress: Progress) -> str:
    """Where the session stands, in one line."""
    parts = [
        progress.mode,
        "SYNTHETIC" if progress.is_synthetic else "",
        moment(progress.now_ns),
        f"{progress.instrument} {quantity(progress.price_1e8)}",
        f"position {quantity(progress.position_qty_1e8)}",
        f"P&L {signed(progress.pnl_run_1e8)}",
        f"orders {progress.orders} fills {progress.fills} trades {progress.trades}",
        "" if progress.kill_level == "NONE" else f"KILLED {progress.kill_level}",
    ]
    return " · ".join(part for part in parts if part)


class LiveDisplay:
    """A panel that moves with the session."""

    def __init__(self, console: Console) -> None:
        """Draw on `console`."""
        self._console = console
        self._progress: Progress | None = None
        self._notices: deque[tuple[str, str]] = deque(maxlen=_NOTICES_SHOWN)
        self._live = Live(self._draw(), console=console, refresh_per_second=8, transient=False)

    @property
    def takes_keys(self) -> bool:
        """Somebody does."""
        return True

    def __enter__(self) -> Self:
        """Take the terminal."""
        self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Give it back, with the last picture on it."""
        self._live.stop()

    def progress(self, progress: Progress) -> None:
        """Show it at the next refresh."""
        self._progress = progress
        self._live.update(self._draw())

    def notice(self, notice: Notice) -> None:
        """Add it to the list."""
        text = f"{moment(notice.at_ns, with_date=False)}  {notice.text}"
        self._notices.append((text, _SEVERITY_STYLE.get(notice.severity, "")))
        self._live.update(self._draw())

    def happened(self, happened: Happened) -> None:
        """Add it to the list."""
        severity = severity_of(happened.kind, happened.payload)
        text = f"{moment(happened.at_ns, with_date=False)}  {_in_words(happened)}"
        self._notices.append((text, _SEVERITY_STYLE.get(severity, "")))
        self._live.update(self._draw())

    def line(self, text: str) -> None:
        """Print it above the panel, where it stays."""
        self._console.print(text, markup=False)

    def _draw(self) -> Panel:
        progress = self._progress
        if progress is None:
            return Panel(Text("starting …"), title="Holdfast")
        events = [Text(text, style=style) for text, style in self._notices] or [Text("-")]
        return Panel(
            Group(_figures(progress), Text("last events", style="bold"), *events),
            title=_title(progress),
            title_align="left",
            subtitle=_STOP_HINT,
            subtitle_align="left",
        )


def _in_words(happened: Happened) -> str:
    return f"{happened.kind} {told(happened.kind, happened.payload)}"


def _title(progress: Progress) -> Text:
    title = Text(f" {progress.mode} ", style=_MODE_STYLE.get(progress.mode, "bold reverse"))
    if progress.is_synthetic:
        title.append(" SYNTHETIC DATA ", style="reverse")
    speed = "max" if progress.speed_ratio is None else f"x{progress.speed_ratio:g}"
    title.append(f" {progress.source} {speed} ", style="dim")
    return title


def _figures(progress: Progress) -> Table:
    grid = Table.grid(padding=(0, 2))
    for _ in range(3):
        grid.add_column(style="dim")
        grid.add_column(justify="right")
    killed = progress.kill_level != "NONE"
    session = session_date(progress.session_yyyymmdd)
    if progress.sessions > 1:
        session += f" ({progress.session}/{progress.sessions})"
    pnl_style = "red" if progress.pnl_session_1e8 < 0 else "green"
    rows = [
        ("session", session, "time", moment(progress.now_ns, with_date=False)),
        (progress.instrument, quantity(progress.price_1e8), "VWAP", amount(progress.vwap_1e8, 4)),
        (
            "position",
            quantity(progress.position_qty_1e8),
            "entry",
            quantity(progress.entry_price_1e8),
        ),
    ]
    more: list[tuple[str, Text]] = [
        ("P&L session", Text(signed(progress.pnl_session_1e8), style=pnl_style)),
        ("P&L run", Text(signed(progress.pnl_run_1e8))),
        (
            "kill",
            Text(progress.kill_level if killed else "off", style="bold red" if killed else ""),
        ),
    ]
    for row, (name, value) in zip(rows, more, strict=True):
        grid.add_row(*(Text(cell) for cell in row), name, value)
    counts = f"working {progress.orders_working} · {progress.orders} · {progress.fills}"
    grid.add_row(
        "orders · fills", counts, "trades", str(progress.trades), "bars", str(progress.bars)
    )
    return grid


def make_display(*, headless: bool, to_stderr: bool) -> Display:
    """Nothing when headless, a panel on a terminal, plain lines elsewhere."""
    if headless:
        return SilentDisplay()
    stream = sys.stderr if to_stderr else sys.stdout
    if stream.isatty():
        return LiveDisplay(Console(file=stream, highlight=False))
    return PlainDisplay(stream)
