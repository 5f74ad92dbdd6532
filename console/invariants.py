"""Writes a page: `python -m console.invariants > docs/EXECUTION_INVARIANTS.md`.

Tables come from the compiled core, the configuration's defaults and the actors' own constants; a
test compares the page with what this prints (EX-17).
"""

import sys
from collections.abc import Iterable, Sequence
from textwrap import wrap
from typing import Final

from actors.assertions import MEANING, Assertion
from actors.kill_reads import CLEAN_READS, FLAT_READ_NS
from actors.order import CANCEL_BACKOFF_MAX_NS
from actors.periods import ANSWER_WAIT_NS, CANCEL_RETRY_NS, POLL_LIVE_NS, SWEEP_LIVE_NS
from actors.triggers import Trigger
from brokers.breaker import BreakerLimits
from rust_core import ORDER_CORRECTIONS, ORDER_STATES, ORDER_TRANSITIONS
from trading.config import AccountSection, TriggersSection

_S_NS: Final = 1_000_000_000
_WIDTH: Final = 100

_EVENTS: Final = {
    "SEND": ("its intent is durable, the gate is open for it", "nothing; absence means maybe sent"),
    "ACCEPT": ("the broker's id", "it works there, and a cancel that waited is sent"),
    "PARTIAL_FILL": ("the broker's id, a new execution id", "order, position, ledger in one"),
    "FILL": ("the broker's id, a new execution id", "the same, and the order is over"),
    "CANCEL_ACK": ("the broker's id", "what was left is cancelled"),
    "REJECT": ("the broker's word, whole", "the operator is told the broker's reason"),
    "EXPIRE": ("the broker's id", "what was left has expired"),
    "SILENCE": (
        "no answer in time, or a crash",
        "its instrument takes no new risk; it is looked up",
    ),
    "PROVEN_ABSENT": (
        "not released; or two complete look-ups, the longest flight apart, and never acknowledged",
        "it never reached the broker",
    ),
    "REVERSE": ("an execution that was reported", "the fill is taken out of the books again"),
}

_TRIGGERS: Final = {
    Trigger.DAILY_LOSS: ("the daily or weekly loss limit", "until the next session or week"),
    Trigger.DRAWDOWN: ("the protection max_drawdown", "until its cool-down ends"),
    Trigger.VOLATILITY: ("the protection volatility_halt", "until its cool-down ends"),
    Trigger.TIME_WINDOW: ("the protection time_window", "until the next window"),
    Trigger.RECONCILIATION: ("a difference too large to be taken over", "halt until cleared"),
    Trigger.ASSERTION: ("an assertion below", "breaker until reset"),
    Trigger.HEARTBEAT: ("supervision gave the system up", "until the process starts anew"),
}


def invariants() -> str:
    """The page."""
    return "\n".join([*_head(), *_orders(), *_positions(), *_venue(), *_stops(), ""])


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    lines = [f"| {' | '.join(heads)} |", f"| {' | '.join('---' for _ in heads)} |"]
    return [*lines, *(f"| {' | '.join(row)} |" for row in rows), ""]


def _head() -> list[str]:
    return [
        "# What execution guarantees",
        "",
        *_say(
            "Written by `python -m console.invariants > docs/EXECUTION_INVARIANTS.md` from the",
            "compiled core, the defaults and the actors; a test compares the two. The tests behind",
            "each sentence: [requirements.md](requirements.md).",
        ),
        "",
    ]


def _orders() -> list[str]:
    terminal = [state for state in ORDER_STATES if not _leaves(state)]
    ttl_s = AccountSection().entry_ttl_s
    return [
        "## Orders",
        "",
        *_say(
            f"States: {', '.join(ORDER_STATES)}.",
            f"Over: {', '.join(terminal)}.",
            "A pair that is not in the table is refused: nothing of the order changes, the refusal",
            "is journaled CRITICAL, entries stop for the configured scope, exits go on.",
        ),
        "",
        *_table(("from", "event", "to"), ORDER_TRANSITIONS),
        "After the end only the broker's corrections are taken, each journaled as one:",
        "",
        *_table(("from", "event", "to"), ORDER_CORRECTIONS),
        *_table(("event", "needs", "then"), ((name, *_EVENTS[name]) for name in _EVENTS)),
        *_say(
            "- One intent is one bounded write. Its id follows from mode, account, strategy,",
            "session, setup, leg and attempt; the record's unique claim refuses the second before",
            "any call.",
        ),
        *_say(
            "- The intent is on disk before its bytes leave. The gate (kill, fence, pause, halts,",
            "breakers, deadline) is compared at the hand-over; nothing is waited for after that.",
        ),
        *_say(
            f"- No answer within {_s(ANSWER_WAIT_NS)}: UNKNOWN. It counts as filled for limits and",
            "as unfilled for exits. Only the venue's word or the proof above ends it.",
        ),
        *_say(
            "- A fill is known by the broker's execution id, or a fingerprint: a repeat changes",
            "nothing, a late one is booked, and what it leaves over is closed by an exit of its",
            "own.",
        ),
        *_say(
            "- An end that names more filled than was heard of waits: news of a fill was lost. The",
            "order stays live and is looked up at once, then asked about as any other; it ends",
            "when every fill is booked. What is settled or taken back and was never reported is",
            "looked up as well.",
        ),
        *_say(
            f"- An entry LIMIT order lives {ttl_s} s. A cancel that did not end the order is asked",
            f"for again after {_s(CANCEL_RETRY_NS)}, doubling up to {_s(CANCEL_BACKOFF_MAX_NS)};",
            "one that lost the race to a fill is no error.",
        ),
        "",
    ]


def _leaves(state: str) -> bool:
    return any(source == state for source, _, _ in ORDER_TRANSITIONS)


def _positions() -> list[str]:
    return [
        "## Positions",
        "",
        *_say(
            "- Only a fill opens or changes a position, in the transaction of its own event; the",
            "one exception is a difference that reconciliation takes over, which is named.",
        ),
        *_say(
            "- One position for each mode, account, strategy and instrument. Quantity is bought",
            "less sold plus taken over; average, profit and fees follow from the same sums, in",
            "any order of fills.",
        ),
        *_say(
            "- One decision closes it. While an exit is under way nothing else decides; an exit",
            "that came to nothing is decided anew after a wait that doubles up to a minute.",
        ),
        *_say(
            "- Sells are sized from what is settled. Every open position has a stop or a waiver by",
            "name.",
        ),
        "",
    ]


def _venue() -> list[str]:
    account = AccountSection()
    most = f"{account.reconcile_drift_max_ratio:%}"
    return [
        "## The venue's books",
        "",
        *_say(
            f"- Orders that live are asked about every {_s(POLL_LIVE_NS)}, all in one call;",
            f"orders, positions, cash and fills every {_s(SWEEP_LIVE_NS)}, at the start, after",
            "each reconnection and on request. Before the first comparison nothing enters.",
        ),
        *_say(
            "- Fills come first. What is left counts when two answers show it, nothing of it is in",
            "flight, nothing of it moved since either question, and it is not what our books held",
            "within the longest flight: a list may be behind what was pushed.",
        ),
        *_say(
            "- An order that ended here and is listed there is cancelled at once, and told of when",
            "its end is older than the longest flight.",
        ),
        *_say(
            "- A fill of ours that the venue's list lacks, while its position lacks it too, twice,",
            "was taken back there: it is reversed here. Before a difference counts, each execution",
            "that the books remember was asked for again.",
        ),
        *_say(
            f"- Up to {account.reconcile_missing_max} positions that the venue does not know, and",
            f"a quantity that differs by up to {most} of ours: the venue's word is taken, each",
            "named with ours, the venue's and the drift. More, or an order or fill with our tag",
            "that we never intended: entries stop until an operator decides.",
        ),
        *_say(
            "- Orders and positions of others are listed, counted in exposure, never touched; a",
            "kill cancels such orders only where the policy says so. No order is made up.",
        ),
        "",
    ]


def _stops() -> list[str]:
    limits, levels = BreakerLimits(), TriggersSection()
    return [
        "## What stops entries",
        "",
        *_say(
            "A kill is latched until a person lifts it. FLATTEN and EMERGENCY cancel every known",
            "id, then what the venue lists with our tag, and are through when the venue's lists",
            f"were clean {CLEAN_READS} times in a row; a read that is not clean is repeated after",
            f"{_s(FLAT_READ_NS)}. A list that our books have overtaken since it was asked for is",
            "neither clean nor an alarm: it is read anew.",
        ),
        "",
        *_table(
            ("trigger", "fires on", "without a level entries stop", "level by default, latched"),
            ((each, *_TRIGGERS[each], getattr(levels, each) or "none") for each in Trigger),
        ),
        *_say(
            "All that fired are journaled (TriggerFired), each acts by itself, and a check that",
            "raises counts as fired. `[triggers]` of the configuration changes the levels.",
        ),
        "",
        *_say(
            f"An endpoint's breaker opens after an answer slower than {_s(limits.latency_max_ns)}",
            f"or more than {limits.errors_max} errors within {_s(limits.window_ns)}, for",
            f"{_s(limits.open_ns)} and twice as long each time, up to {_s(limits.open_max_ns)};",
            "one probe closes it. Cancels and exits are tried all the same. The breaker",
            "`assertions` stays open, over restarts too, until `holdfast controls reset_breakers",
            "true`; `freshness` closes when all is fresh again.",
        ),
        "",
        "After every decision, and all of them each second:",
        "",
        *_table(
            ("", "assertion", "what must hold"),
            ((str(at), each, MEANING[each]) for at, each in enumerate(Assertion, start=1)),
        ),
    ]


def _say(*parts: str) -> list[str]:
    """A paragraph, or a point of a list, in lines of the page's width."""
    text = " ".join(parts)
    indent = "  " if text.startswith("- ") else ""
    return wrap(text, _WIDTH, subsequent_indent=indent, break_on_hyphens=False)


def _s(ns: int) -> str:
    return f"{ns / _S_NS:g} s"


if __name__ == "__main__":
    sys.stdout.write(invariants())
