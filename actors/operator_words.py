"""What operator and trader say to each other: requests, answers, and the port between them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any, Final, Literal, Protocol, TypedDict

import msgspec
import orjson

from trading.controls import ControlJson
from trading.ports import JournalRow

MESSAGE_BYTES_MAX: Final = 16_384
NO_REASON: Final = "no reason given"


class KillLevel(StrEnum):
    """How much a kill stops (KC-1)."""

    PAUSE = "PAUSE"
    FLATTEN = "FLATTEN"
    EMERGENCY = "EMERGENCY"


# --------------------------------------------------------------------------------------------------
# Messages as they arrive
# --------------------------------------------------------------------------------------------------

_Id = Annotated[str, msgspec.Meta(min_length=1, max_length=128, pattern=r"^[\x21-\x7e]+$")]
_Reason = Annotated[str, msgspec.Meta(max_length=500)]
_By = Annotated[str, msgspec.Meta(max_length=64)]
_Seq = Annotated[int, msgspec.Meta(ge=0)]


class KillMessage(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="kill"):
    """Stop. Unknown fields are passed over: a kill is not refused for saying too much."""

    id: _Id
    level: KillLevel
    reason: _Reason = ""
    by: _By = ""


class ResumeMessage(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    tag_field="type",
    tag="resume",
):
    """Lift the kill that is latched; an EMERGENCY only when `rearm` says so."""

    id: _Id
    reason: _Reason = ""
    by: _By = ""
    rearm: bool = False


class ControlMessage(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    tag_field="type",
    tag="control",
):
    """Change one runtime control (KC-6)."""

    id: _Id
    name: Annotated[str, msgspec.Meta(max_length=100)]
    value: Any
    reason: _Reason = ""
    by: _By = ""


class SubscribeMessage(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    tag_field="type",
    tag="subscribe",
):
    """Push journaled events after this position: one number for all journals, or one for each."""

    after_seq: _Seq | dict[str, _Seq] = 0


class RefusalReport(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An attempt that the console turned away, for the journal."""

    cause: Literal["TOKEN", "ORIGIN", "HOST", "MALFORMED"]
    path: Annotated[str, msgspec.Meta(max_length=100)]
    remote: Annotated[str, msgspec.Meta(max_length=100)] = ""
    suppressed: _Seq = 0


class ReconcileMessage(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    tag_field="type",
    tag="reconcile",
):
    """Compare our books with the venue's; `adopt` takes its word, however large the difference."""

    id: _Id
    reason: _Reason = ""
    by: _By = ""
    adopt: bool = False


OperatorMessage = KillMessage | ResumeMessage | ControlMessage | ReconcileMessage | SubscribeMessage

_EXPECTED: Final = (
    'expected {"type":"kill","id":TEXT,"level":"PAUSE|FLATTEN|EMERGENCY","reason":TEXT}, '
    '{"type":"resume","id":TEXT,"reason":TEXT,"rearm"?:true}, '
    '{"type":"control","id":TEXT,"name":TEXT,"value":JSON}, '
    '{"type":"reconcile","id":TEXT,"adopt"?:true} or '
    '{"type":"subscribe","after_seq":NUMBER}'
)
_decoder: Final[msgspec.json.Decoder[OperatorMessage]] = msgspec.json.Decoder(OperatorMessage)


class MalformedError(Exception):
    """A message that is none of ours; `id` is what it named itself, if that could be read."""

    def __init__(self, text: str, message_id: str | None = None) -> None:
        """Keep the id, so that the sender can tell which message was refused."""
        super().__init__(text)
        self.id = message_id


def parse_message(text: bytes) -> OperatorMessage:
    """One message of the websocket.

    Raises:
        MalformedError: Too long, not JSON, unknown type, or a field that cannot be.
    """
    if len(text) > MESSAGE_BYTES_MAX:
        raise MalformedError(
            f"a message may have {MESSAGE_BYTES_MAX} bytes, this one has {len(text)}"
        )
    try:
        return _decoder.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise MalformedError(f"{error}; {_EXPECTED}", _id_of(text)) from error


def _id_of(text: bytes) -> str | None:
    try:
        match orjson.loads(text):
            case {"id": str(message_id)}:
                return message_id[:128]
    except ValueError:
        pass
    return None


# --------------------------------------------------------------------------------------------------
# Requests to the trader
# --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class KillRequest:
    """Stop at `level`. `by` names the way it came and, where it was said, the person."""

    id: str
    level: KillLevel
    reason: str
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ResumeRequest:
    """Lift the latched kill; an EMERGENCY only when `rearm` says so (KC-1)."""

    id: str
    reason: str
    by: str
    rearm: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlRequest:
    """Set control `name`; `value` has passed `trading.controls.parse_control`."""

    id: str
    name: str
    value: ControlJson
    reason: str
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReconcileRequest:
    """Compare our books with the venue's; `is_forced` takes its word whatever the size (ST-3)."""

    id: str
    reason: str
    by: str
    is_forced: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedAttempt:
    """An attempt that was turned away at the door, for the journal.

    Attributes:
        cause: TOKEN, ORIGIN, HOST or MALFORMED.
        path: What was asked for, without query.
        remote: Address of the peer.
        suppressed: Attempts before this one that were counted and not reported.
    """

    cause: str
    path: str
    remote: str
    suppressed: int = 0


# --------------------------------------------------------------------------------------------------
# Answers
# --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Accepted:
    """Journaled, and in force: nothing that adds risk is released from here on."""

    id: str

    def to_json(self) -> dict[str, Any]:
        """As the websocket sends it."""
        return {"type": "accepted", "id": self.id}


@dataclass(frozen=True, slots=True, kw_only=True)
class KillDone:
    """The kill has run its course; `remaining` counts what works or is open all the same.

    A PAUSE ends nothing, so nothing of it remains.
    """

    id: str
    cancelled: int
    closed: int
    failed: int
    remaining: int

    def to_json(self) -> dict[str, Any]:
        """As the websocket sends it."""
        return {
            "type": "done",
            "id": self.id,
            "cancelled": self.cancelled,
            "closed": self.closed,
            "failed": self.failed,
            "remaining": self.remaining,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed:
    """A control or the kill level has changed; `old` and `new` are JSON values."""

    id: str
    name: str
    old: Any
    new: Any

    def to_json(self) -> dict[str, Any]:
        """As the websocket sends it."""
        return {"type": "done", "id": self.id, "name": self.name, "old": self.old, "new": self.new}


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciled:
    """How our books stand with the venue's; each difference by name (ST-3)."""

    id: str
    is_conclusive: bool
    is_stopped: bool
    drift: list[dict[str, Any]]
    is_partial: bool = False

    def to_json(self) -> dict[str, Any]:
        """As the websocket sends it."""
        return {
            "type": "done",
            "id": self.id,
            "is_conclusive": self.is_conclusive,
            "is_stopped": self.is_stopped,
            "is_partial": self.is_partial,
            "drift": self.drift,
        }


@dataclass(frozen=True, slots=True)
class Refused:
    """Nothing was changed, and why."""

    id: str | None
    error: str

    def to_json(self) -> dict[str, Any]:
        """As the websocket sends it."""
        return {"type": "refused", "id": self.id, "error": self.error}


Answer = Accepted | KillDone | Changed | Reconciled | Refused
AnswerSink = Callable[[Answer], None]


# --------------------------------------------------------------------------------------------------
# The port
# --------------------------------------------------------------------------------------------------


class FeedHealth(TypedDict):
    """One feed (MD-2): age of its newest item; GREEN, YELLOW, RED (stale), or CLOSED.

    `repeated`, `older`, `disordered`: what it said twice or too late in this session (MD-4).
    `completeness_ratio`: the share of this session so far that is in no hole, 0 to 1.
    """

    name: str
    age_ns: int
    freshness: str
    is_stale: bool
    completeness_ratio: float
    repeated: int
    older: int
    disordered: int


class ClockSeen(TypedDict):
    """A clock beside ours at the last look (MD-3): NEAR, OFF, FAR, UNSURE or SILENT.

    `offset_ns` is the best guess at how far it is ahead, `within_ns` how far that may be off; both
    are None when it did not answer, and `problem` says why.
    """

    name: str
    offset_ns: int | None
    within_ns: int | None
    verdict: str
    at_ns: int
    problem: str


class HealthReport(TypedDict):
    """What `/health` says (WD-9). `is_live`: the lane turns; `is_ready`: it may trade."""

    is_live: bool
    is_ready: bool
    why_not_ready: list[str]
    mode: str
    run: str
    kill_level: str
    feeds: list[FeedHealth]
    journal_lag_rows: int
    lease_holder: str
    watchdog: dict[str, Any]
    assertions: list[dict[str, Any]]
    breakers: list[dict[str, Any]]
    clocks: list[ClockSeen]
    reconciliation: dict[str, Any]


class TraderPort(Protocol):
    """The trader as the operator port sees it. All calls and answers are on the lane's thread."""

    def submit_kill(self, request: KillRequest, answer: AnswerSink) -> None:
        """Raise the gate before returning, then answer Accepted, then KillDone; or Refused.

        An id that the record knows from before a restart gets its old answers and acts no more.
        """

    def resume(self, request: ResumeRequest, answer: AnswerSink) -> None:
        """Answer Changed when the lower level is journaled, or Refused."""

    def set_control(self, request: ControlRequest, answer: AnswerSink) -> None:
        """Answer Changed when the new value is journaled and in force, or Refused."""

    def reconcile(self, request: ReconcileRequest, answer: AnswerSink) -> None:
        """Answer Reconciled once our books were compared with the venue's, or Refused."""

    def controls(self) -> list[dict[str, Any]]:
        """Each control: name, value as asked for, configured, in_force, set_by and why."""

    def status(self) -> dict[str, Any]:
        """The state of the run, with the keys of docs/reference/operator-port.md."""

    def health(self) -> HealthReport:
        """Liveness, readiness and what they rest on; cheap."""

    def journal_ids(self) -> Sequence[str]:
        """The journals of this run."""

    def events_after(self, journal_id: str, after_seq: int, limit: int) -> Sequence[JournalRow]:
        """Durable events of this run with `seq > after_seq`, oldest first, at most `limit`."""

    def listen(self, listener: Callable[[JournalRow], None]) -> Callable[[], None]:
        """Call `listener` with each event as it becomes durable; returns how to stop it."""

    def rescan_strategies(self) -> dict[str, Any]:
        """Look for new strategy files: `{"loaded": [...], "failed": {name: reason}}`."""

    def report_refused(self, attempt: RefusedAttempt) -> None:
        """Journal an attempt that was turned away."""
