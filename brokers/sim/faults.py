"""What goes wrong on request: rules from a file, the admin port or the seed's own dice."""

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from fnmatch import fnmatchcase
from pathlib import Path
from random import Random
from typing import Any, Final

from brokers.sim.clock import seconds
from trading.errors import SetupError, nearest


class Kind(StrEnum):
    """What a verb acts on."""

    REQUEST = "request"
    EVENT = "event"
    ORDER = "order"
    NOW = "now"


@dataclass(frozen=True, slots=True)
class Verb:
    """One way of misbehaving.

    Attributes:
        on: What it applies to unless the rule says so; the placing of an order is a venue's own
            request.
        settings: Its own settings and their defaults.
    """

    kind: Kind
    on: str
    settings: Mapping[str, Any]
    meaning: str


_PLACE: Final = "the placing of an order"
_R, _E, _O, _N = Kind.REQUEST, Kind.EVENT, Kind.ORDER, Kind.NOW
VERBS: Final[Mapping[str, Verb]] = {
    "drop_request": Verb(_R, _PLACE, {}, "close the connection; nothing was done"),
    "refuse": Verb(_R, _PLACE, {"status": 503}, "answer an error; nothing was done"),
    "accept_then_drop": Verb(
        _R, _PLACE, {"how": "close"}, "do it, then `close`, `reset` or `hang` without an answer"
    ),
    "accept_then_status": Verb(_R, _PLACE, {"status": 504}, "do it, then answer an error"),
    "delay": Verb(_R, "*", {"ms": 200, "when": "before"}, "wait `before` or `after` doing it"),
    "malformed": Verb(
        _R,
        "*",
        {"how": "truncated"},
        "do it, then answer what cannot be read: `truncated`, `html`, `nan`, `types`, `text`, "
        "`empty`, `extra` (readable, with unknown fields) or `huge`",
    ),
    "event_before_response": Verb(
        _R, _PLACE, {"ms": 20}, "send the events first, the answer after `ms`"
    ),
    "drop_event": Verb(_E, "*", {}, "never send it"),
    "repeat_event": Verb(_E, "*", {"copies": 1}, "send it again, `copies` times"),
    "reorder_events": Verb(_E, "*", {"hold": 1}, "send it after the next `hold` events"),
    "delay_event": Verb(_E, "*", {"ms": 200}, "send it later"),
    "malformed_event": Verb(_E, "*", {"how": "truncated"}, "send it in a form that cannot be read"),
    "cancel_loses_to_fill": Verb(_O, "*", {}, "the cancel is taken, and the order fills"),
    "fill_after_cancel": Verb(
        _O, "*", {"seconds": 0.0}, "the cancel is confirmed, and a fill arrives afterwards"
    ),
    "cancel_stuck": Verb(_O, "*", {"seconds": 60.0}, "the order stays in pending_cancel"),
    "reversal": Verb(_O, "*", {"seconds": 0.0}, "a fill is taken back (trade_bust)"),
    "odd_status": Verb(
        _O,
        "*",
        {"status": "suspended", "seconds": 2.0},
        "before it goes to work it is `stopped`, `suspended`, `calculated`, `done_for_day`, "
        "`accepted_for_bidding`, `error` or, what no document knows, `unheard_of`",
    ),
    "reject_after_accept": Verb(_O, "*", {}, "the order is accepted, then rejected"),
    "replace_rejected": Verb(_O, "*", {}, "the replacement is answered with 200, then rejected"),
    "rate_limit_window": Verb(_N, "*", {"seconds": 2.0}, "answer 429 to all"),
    "auth_revoked": Verb(_N, "*", {"seconds": 2.0}, "the keys are refused, streams are closed"),
    "mute_stream": Verb(_N, "*", {"seconds": 2.0}, "streams answer pings and send no data"),
    "cut_stream": Verb(_N, "*", {}, "close every stream"),
    "restart": Verb(_N, "*", {"seconds": 0.5}, "go away and come back with the same book"),
    "early_close": Verb(_N, "*", {"seconds": 0.0}, "the session under way ends"),
}
_WORDS: Final = {
    ("accept_then_drop", "how"): ("close", "reset", "hang"),
    ("delay", "when"): ("before", "after"),
    ("malformed", "how"): ("truncated", "html", "nan", "types", "text", "empty", "extra", "huge"),
    ("malformed_event", "how"): ("truncated", "nan", "types", "text", "extra"),
    ("odd_status", "status"): (
        "stopped",
        "suspended",
        "calculated",
        "done_for_day",
        "accepted_for_bidding",
        "error",
        "unheard_of",
    ),
}
_COMMON: Final = ("verb", "on", "times", "skip", "probability", "after_s")


class FaultError(SetupError):
    """A rule cannot be read."""


@dataclass(slots=True, kw_only=True)
class Rule:
    """One fault and when it happens.

    Attributes:
        on: A pattern such as `POST /v2/orders`, `fill`, or a client order id; `*` is any.
        times_left: How often it may still happen; None is without end.
        skip: How many occasions pass first.
        probability: Chance at each occasion, from the seed.
        armed_ns: Not before, in the machine's time.
        hits: How often it has happened.
    """

    rule_id: int
    verb: str
    kind: Kind
    on: str
    times_left: int | None
    skip: int
    probability: float
    armed_ns: int
    settings: dict[str, Any]
    hits: int = 0

    def shown(self) -> dict[str, Any]:
        """For the admin port."""
        return {
            "id": self.rule_id,
            "verb": self.verb,
            "on": self.on,
            "times_left": self.times_left,
            "skip": self.skip,
            "probability": self.probability,
            "hits": self.hits,
            **self.settings,
        }


@dataclass(slots=True)
class FaultPlan:
    """The rules in force.

    Attributes:
        placing: The request that places an order at this venue, as a pattern.
        own: Verbs that no other venue has.
    """

    random: Random
    wall_ns: Callable[[], int]
    placing: str
    own: Mapping[str, Verb] = field(default_factory=dict)
    rules: list[Rule] = field(default_factory=list)
    _count: int = 0

    def add(self, entry: Mapping[str, Any]) -> Rule:
        """One more rule.

        Raises:
            FaultError: An unknown verb or setting, or a value of the wrong kind.
        """
        self._count += 1
        rule = _rule(entry, self._count, self.wall_ns(), self)
        self.rules.append(rule)
        return rule

    @property
    def verbs(self) -> Mapping[str, Verb]:
        """All that can go wrong at this venue."""
        return {**VERBS, **self.own}

    def on_of(self, verb: Verb) -> str:
        """What a verb applies to here unless its rule says so."""
        return verb.on.replace(_PLACE, self.placing)

    def clear(self) -> None:
        """No rule is left."""
        self.rules.clear()

    def take(self, kind: Kind, subject: str) -> list[Rule]:
        """The rules that happen on this occasion, in their order; they are counted."""
        return [rule for rule in self.rules if rule.kind is kind and self._happens(rule, subject)]

    def take_verb(self, verb: str, subject: str) -> Rule | None:
        """The first rule of one verb that happens on this occasion."""
        rules = (rule for rule in self.rules if rule.verb == verb)
        return next((rule for rule in rules if self._happens(rule, subject)), None)

    def _happens(self, rule: Rule, subject: str) -> bool:
        if rule.times_left == 0 or self.wall_ns() < rule.armed_ns:
            return False
        if not fnmatchcase(subject, rule.on):
            return False
        if rule.skip > 0:
            rule.skip -= 1
            return False
        if rule.probability < 1 and self.random.random() >= rule.probability:
            return False
        if rule.times_left is not None:
            rule.times_left -= 1
        rule.hits += 1
        return True


def _rule(entry: Mapping[str, Any], rule_id: int, wall_ns: int, plan: FaultPlan) -> Rule:
    name, verbs = entry.get("verb"), plan.verbs
    if not isinstance(name, str) or name not in verbs:
        raise FaultError(
            f"a fault's verb is one of {', '.join(verbs)}; was {name!r}{nearest(str(name), verbs)}"
        )
    verb = verbs[name]
    for key in entry:
        if key not in _COMMON and key not in verb.settings:
            known = [*_COMMON, *verb.settings]
            raise FaultError(
                f"{name} knows {', '.join(known)}; was {key!r}{nearest(str(key), known)}"
            )
    settings = {
        key: _value(name, key, default, entry.get(key, default))
        for key, default in verb.settings.items()
    }
    times = entry.get("times", 1)
    if times != "always" and (isinstance(times, bool) or not isinstance(times, int) or times < 1):
        raise FaultError(f'{name}: times is a whole number from 1 or "always", was {times!r}')
    return Rule(
        rule_id=rule_id,
        verb=name,
        kind=verb.kind,
        on=str(entry.get("on", plan.on_of(verb))),
        times_left=None if times == "always" else int(times),
        skip=int(_value(name, "skip", 0, entry.get("skip", 0))),
        probability=float(_value(name, "probability", 1.0, entry.get("probability", 1.0))),
        armed_ns=wall_ns + seconds(float(_value(name, "after_s", 0.0, entry.get("after_s", 0.0)))),
        settings=settings,
    )


def _value(verb: str, key: str, default: Any, value: Any) -> Any:
    if isinstance(default, str):
        words = _WORDS[verb, key]
        if value in words:
            return value
        raise FaultError(f"{verb}: {key} is one of {', '.join(words)}, was {value!r}")
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1e6:  # noqa: PLR2004 - eleven days
        raise FaultError(f"{verb}: {key} is a number such as {default}, was {value!r}")
    return type(default)(value)


def chaos(probability: float, own: Mapping[str, Verb] | None = None) -> list[dict[str, Any]]:
    """Every verb at once, each at its own chance from the seed; only the session's end is left out.

    Args:
        probability: Of each occasion. The verbs that happen *now* have an occasion at every look
            at the clock, a hundred a second, and a thousandth of this chance.
        own: Verbs that the venue has beside those of all.
    """
    return [
        {
            "verb": name,
            "times": "always",
            "probability": probability / 1000 if verb.kind is Kind.NOW else probability,
            **({"seconds": 0.2} if "seconds" in verb.settings else {}),
        }
        for name, verb in {**VERBS, **(own or {})}.items()
        if name != "early_close"
    ]


def read_faults(path: Path) -> list[dict[str, Any]]:
    """The `[[faults]]` of a TOML file; each is checked when it is added.

    Raises:
        FaultError: The file cannot be read, or holds something else.
    """
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise FaultError(f"{path} cannot be read as a fault file: {error}") from error
    entries = document.pop("faults", [])
    is_list = isinstance(entries, list) and all(isinstance(entry, dict) for entry in entries)
    if document or not is_list:
        raise FaultError(f"{path} holds nothing but [[faults]] tables; was {[*document]}")
    return list(entries)
