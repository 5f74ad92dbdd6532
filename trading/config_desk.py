"""The configuration for people: who is told, how the console listens, how long things are kept."""

from typing import Annotated, Literal

import msgspec

from trading.config_fields import Section, above, at_least, doc

ALERT_PREFIX = "HOLDFAST_ALERT_"


class AlertChannel(Section, frozen=True, kw_only=True):
    """[[alerts.channels]]: one way to reach a person. Its address is a secret and stands outside.

    `HOLDFAST_ALERT_<NAME>` holds the address, or `HOLDFAST_ALERT_<NAME>_FILE` names a private file
    that holds it: `discord://…`, `tgram://…`, `mailto://…`, `slack://…` and the others of Apprise.
    """

    name: Annotated[
        str,
        msgspec.Meta(
            description="its address stands in HOLDFAST_ALERT_<NAME> or a file",
            pattern=r"^[a-z][a-z0-9_]{0,31}$",
        ),
    ]
    severity_min: Annotated[
        Literal["INFO", "WARNING", "CRITICAL"], doc("INFO, WARNING or CRITICAL, and what is above")
    ] = "WARNING"
    is_fallback: Annotated[bool, doc("told only what another channel did not take")] = False
    gets_summary: Annotated[bool, doc("is sent the daily summary too (AL-2)")] = True

    @property
    def variable(self) -> str:
        """The environment variable that holds its address."""
        return f"{ALERT_PREFIX}{self.name.upper()}"


class AlertsSection(Section, frozen=True, kw_only=True):
    """[alerts]: who is told when something needs a person (AL-1)."""

    repeat_after_s: Annotated[
        int, above(0, "the same alert is told again after this at the earliest")
    ] = 900
    hourly_max: Annotated[
        int, at_least(4, "to one channel in an hour; a quarter is kept for CRITICAL ones")
    ] = 20
    lasting_s: Annotated[
        int, at_least(0, "a red feed, a lost trader or failed health is told after this long")
    ] = 10
    runbooks: Annotated[
        str, doc("where the pages are that alerts name: a folder or an address")
    ] = "docs/runbooks"
    channels: Annotated[
        tuple[AlertChannel, ...],
        doc('e.g. { name = "phone" }, see docs/how-to/alerts.md; none: nobody is told'),
    ] = ()

    def __post_init__(self) -> None:
        """Each channel once, and not fallbacks alone.

        Raises:
            ValueError: As of every section.
        """
        super().__post_init__()
        names = [channel.name for channel in self.channels]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"channels: expected each name once, found {twice[0]} twice")
        if self.channels and all(channel.is_fallback for channel in self.channels):
            raise ValueError("channels: expected one that is no fallback, found fallbacks only")


class ConsoleSection(Section, frozen=True, kw_only=True):
    """[console]: the operator's page (UI-9)."""

    port: Annotated[int, at_least(0, "or the next free one; 0 takes any")] = 8700
    tls_certificate: Annotated[
        str | None, doc("PEM file, with its chain; the page is then https")
    ] = None
    tls_key: Annotated[str | None, doc("its private key, PEM, readable by you only")] = None

    def __post_init__(self) -> None:
        """A certificate goes with its key.

        Raises:
            ValueError: As of every section.
        """
        super().__post_init__()
        if (self.tls_certificate is None) != (self.tls_key is None):
            lacking = "tls_key" if self.tls_key is None else "tls_certificate"
            raise ValueError(f"{lacking}: expected a file, as the other of the pair is given")


class LogsSection(Section, frozen=True, kw_only=True):
    """[logs]: journal and alerts as JSON lines in the data directory's logs/ (AL-4)."""

    file_bytes_max: Annotated[int, at_least(10_000, "a new file is begun at this size")] = (
        10_000_000
    )
    files_max: Annotated[int, at_least(1, "the oldest is deleted beyond this many of a kind")] = 5


class RetentionSection(Section, frozen=True, kw_only=True):
    """[retention]: what is removed by itself when it is old (WD-8); `"none"` keeps it for ever."""

    archive_days: Annotated[
        int | None,
        above(0, "older Parquet segments go; the record keeps their events, SQL reads them there"),
    ] = 2557
    capture_days: Annotated[
        int | None, above(0, "so many of the newest days in capture/ are kept, whole ones")
    ] = 90
    tapes_max: Annotated[
        int | None, above(0, "so many tapes are kept, by their last use; SQL's bars go with others")
    ] = 200
