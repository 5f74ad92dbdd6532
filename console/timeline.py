"""Each kind of journaled event in words, for a timeline that a person reads."""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from console.context import compact
from console.render import amount, duration, moment, price, quantity, session_date, signed

Payload = Mapping[str, Any]
_TEXT_LENGTH_MAX: Final = 160
_OF_MONEY: Final = frozenset(
    {"INSTRUMENT_EXPOSURE", "PORTFOLIO_EXPOSURE", "POSITION_NOTIONAL", "TRADE_LOSS"}
)
"""Checks whose figures are money at 1e-8."""
_LONG_FIGURE: Final = re.compile(r"\b\d+\.\d{5,}\b")
_INSTANT: Final = re.compile(r"\b(\d{19}) ns\b")  # an instant, where a person reads


def told(kind: str, payload: Payload) -> str:
    """One line about an event; a kind that is not known here shows its payload, cut short."""
    teller = _TELLERS.get(kind)
    if teller is not None:
        try:
            return teller(payload)
        except (KeyError, TypeError, IndexError):  # an event of another version
            pass
    text = compact(dict(payload))
    return text if len(text) <= _TEXT_LENGTH_MAX else f"{text[:_TEXT_LENGTH_MAX]}…"


def with_moments(text: str) -> str:
    """A text in which instants stand as nanoseconds, with the times that a person reads."""
    return _INSTANT.sub(lambda found: moment(int(found[1])), text)


def found_by(check: Payload) -> str:
    """What a check of the gate found, with amounts and times as people read them."""
    text = str(check["detail"])
    if check["name"] in _OF_MONEY:
        for amount_1e8 in (check["limit"], check["value"]):
            if amount_1e8:
                text = re.sub(rf"\b{amount_1e8}\b", amount(amount_1e8), text)
    return with_moments(text)


def _signal(event: Payload) -> str:
    leg = event["legs"][0]
    return (
        f"{event['strategy']} asks to {leg['side']} {leg['instrument']} at "
        f"{price(event['reference_1e8'])}: {_shortened(event['reason'])}"
    )


def _shortened(reason: str) -> str:
    """A strategy's own words, its figures as short as prices are."""
    return _LONG_FIGURE.sub(lambda found: f"{float(found[0]):.4f}", reason)


def _verdict(event: Payload) -> str:
    if event["is_approved"]:
        return f"approved, quantity {quantity(event['qty_1e8'])}"
    return f"{event['strategy']} refused: {'; '.join(map(found_by, event['failed']))}"


def _intended(event: Payload) -> str:
    limit = event.get("limit_1e8")
    price = f" limit {quantity(limit)}" if limit is not None else ""
    trigger = event.get("trigger_1e8")
    price += f" trigger {quantity(trigger)}" if trigger is not None else ""
    return (
        f"{event['purpose']} {event['side']} {quantity(event['qty_1e8'])} {event['instrument']} "
        f"{event['order_type']}{price}, attempt {event['attempt']}"
    )


def _percent(ratio_1e8: int) -> str:
    return f"{ratio_1e8 / 1e6:.2f} %"


_IN_UNITS: Final[Mapping[str, Callable[[int], str]]] = {
    "DAILY_LOSS": amount,
    "WEEKLY_LOSS": amount,
    "MAX_DRAWDOWN": _percent,
    "VOLATILITY_HALT": _percent,
    "COOLDOWN_PERIOD": duration,
}


def _changed(event: Payload) -> str:
    broker = f", broker's id {event['broker_order_id']}" if event["broker_order_id"] else ""
    cause = "the rest works on" if event["new"] == "PARTIALLY_FILLED" else event["cause"]
    return f"{event['old']} → {event['new']} ({cause}){broker}"


def _filled(event: Payload) -> str:
    late = ", after its end" if event.get("is_late") else ""
    return (
        f"filled {quantity(event['qty_1e8'])} at {price(event['price_1e8'])}, "
        f"fee {price(event['fee_1e8'])}, so far {quantity(event['filled_1e8'])}{late}"
    )


def _position(event: Payload) -> str:
    return (
        f"{event['phase']} {event['side']} {quantity(event['qty_1e8'])} at "
        f"{price(event['average_entry_1e8'])}"
    )


def _exit(event: Payload) -> str:
    threshold = event["threshold_1e8"]
    against = f" against {price(threshold)}" if threshold else ""
    return f"{event['reason']}: {price(event['trigger_1e8'])}{against}. {event['text']}"


def _trade(event: Payload) -> str:
    return (
        f"{event['reason']}: {price(event['entry_1e8'])} → {price(event['exit_1e8'])}, "
        f"net {signed(event['net_1e8'])} ({signed(event['gross_1e8'])} less "
        f"{price(event['fees_1e8'])} fees)"
    )


def _tripped(event: Payload) -> str:
    """In the unit of each protection, since the trader journals bare numbers."""
    name, value, limit = event["name"], event["value"], event["limit"]
    shown = _IN_UNITS.get(name, str)
    if name == "COOLDOWN_PERIOD":
        why = f"a pause of {shown(value)} after a stop-out"
    elif name == "TIME_WINDOW":
        why = f"minute {value} of the session is outside its windows"
    else:
        why = f"{shown(value)}, limit {shown(limit)}"
    until_ns = event["until_ns"]
    until = f" until {moment(until_ns, with_date=False)}" if until_ns else ""
    return f"{name} tripped: {why}; no entries{until}"


def _kill_level(event: Payload) -> str:
    return f"{event['old']} → {event['new']} by {event['author']}: {event['reason']}"


def _kill_finished(event: Payload) -> str:
    return (
        f"{event['level']}: {event['cancelled']} cancelled, {event['closed']} closed, "
        f"{event['failed']} failed, {event['remaining']} remaining"
    )


def _control(event: Payload) -> str:
    refused = f", refused: {event['refused']}" if event.get("refused") else ""
    return f"{event['name']}: {event['old']} → {event['new']} by {event['author']}{refused}"


def _violated(event: Payload) -> str:
    return f"{event['name']} on {event['subject']}: {event['text']}"


def _gap(event: Payload) -> str:
    missing = event.get("missing")
    return (
        f"{event['feed']} {event['instrument']} {moment(event['start_ns'], with_date=False)} to "
        f"{moment(event['end_ns'], with_date=False)}"
        f"{f', {missing} missing' if missing else ''}: {event['reason']}"
    )


def _fault(event: Payload) -> str:
    more = [event[key] for key in ("detail", "message") if event.get(key)]
    return " · ".join([event["name"], event["reason"], *more])


def _session_opened(event: Payload) -> str:
    return f"session {session_date(event['session_date'])}, equity {amount(event['equity_1e8'])}"


def _session_closed(event: Payload) -> str:
    return (
        f"session {session_date(event['session_date'])}: {event['trades']} trades, net "
        f"{signed(event['net_1e8'])}, equity {amount(event['equity_1e8'])}, "
        f"{event['positions_open']} positions open"
    )


def _run_started(event: Payload) -> str:
    made_up = ", synthetic" if event.get("is_synthetic") else ""
    return f"{event['mode']} of account {event['account']} on {event['source']}{made_up}"


def _attempt_refused(event: Payload) -> str:
    more = f", and {event['suppressed']} before it" if event.get("suppressed") else ""
    return f"turned away at {event['path']}: {event['cause'].lower()} of {event['remote']}{more}"


def _no_trades(event: Payload) -> str:
    counts = ", ".join(f"{reason} {count}" for reason, count in event["counts"].items())
    return f"{event['strategy']} saw no trade: {counts}"


_TELLERS: Final[Mapping[str, Callable[[Payload], str]]] = {
    "RunStarted": _run_started,
    "RunEnded": lambda event: f"the tape is at its end after {event['rows']} rows",
    "RunStopped": lambda event: f"{event['reason']}, {event['positions_open']} positions open",
    "StrategyLoaded": lambda event: f"{event['strategy']} for {event['instrument']}",
    "SessionOpened": _session_opened,
    "SessionClosed": _session_closed,
    "AccountSnapshot": lambda _: "what a restart would begin from",
    "FeedCounted": lambda event: f"{event['feed']}: {event['bars']} bars in the session",
    "NoTradesCounted": _no_trades,
    "AttemptRefused": _attempt_refused,
    "SignalReceived": _signal,
    "VerdictGiven": _verdict,
    "DuplicateRefused": lambda event: (
        f"refused: {event['client_order_id']} exists already, and one setup has one order"
    ),
    "OrderIntended": _intended,
    "OrderChanged": _changed,
    "CancelRequested": lambda event: f"cancel asked: {event['reason']}",
    "OrderFilled": _filled,
    "FillSettled": lambda event: f"fill {event['execution_id']} is final",
    "FillReversed": lambda event: f"fill {event['execution_id']} reversed: {event['reason']}",
    "PositionChanged": _position,
    "ExitTriggered": _exit,
    "TradeClosed": _trade,
    "ProtectionTripped": _tripped,
    "ProtectionCleared": lambda event: f"{event['name']} is over",
    "KillLevelChanged": _kill_level,
    "KillFinished": _kill_finished,
    "ControlChanged": _control,
    "FeedGap": _gap,
    "ActorCrashed": _fault,
    "ActorRestarted": _fault,
    "ActorGaveUp": _fault,
    "MessageQuarantined": _fault,
    "WatchdogFired": _fault,
    "InvariantViolated": _violated,
    "AssertionFailed": lambda event: f"assertion {event['assertion']}: {event['text']}",
    "AssertionsCounted": lambda event: (
        f"{event['asserted']} assertions looked at in {event['sweeps']} sweeps and after "
        f"{event['decisions']} decisions"
    ),
    "DriftFound": lambda event: f"{event['kind']} {event['instrument']}: {event['text']}",
    "BreakerChanged": lambda event: f"breaker {event['name']} is {event['new']}: {event['cause']}",
    "TriggerFired": lambda event: f"trigger {event['trigger']}: {event['cause']}",
    "LookupMissed": lambda event: f"not found at the venue, {event['reads']} times in a row",
    "GuardLogged": lambda event: f"the guard noted {event['kind']}: {event['payload']}"[
        :_TEXT_LENGTH_MAX
    ],
    "GuardLost": lambda event: event["text"],
    "GuardSeen": lambda event: event["text"],
    "Halted": lambda event: f"{event['scope']} {event['key']} halted: {event['reason']}",
}
