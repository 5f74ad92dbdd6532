"""`holdfast why`: one order, signal or strategy asked for its reasons, on one screen (PM-1)."""

from collections import Counter
from collections.abc import Callable
from typing import Annotated, Any, Final

import typer

from console.context import AsJson, DataDir, existing_data_dir, out, say, say_json
from console.post_mortem import UnknownIdError, asked_about, post_mortem_of
from console.reader import RecordReader, Row, payload
from console.render import amount, duration, moment, session_date, table
from console.timeline import found_by, told
from trading.errors import SetupError

Answer = dict[str, Any]
_REFUSED_SHOWN: Final = 3
_FIGURE: Final[dict[str, Callable[[int], str]]] = {
    "COUNT": str,
    "NS": duration,
    "MONEY": amount,
    "RATIO": lambda value: f"{value / 1e6:.3f} %",
}
_WITHOUT_FIGURE: Final = (
    "nothing against it either: kill level, pause, halts, protections, policies, session and "
    "deadline, orders of unknown state, what is allowed, shape, tick and lot"
)


def why(
    about: Annotated[
        str,
        typer.Argument(
            metavar="ORDER|SIGNAL|STRATEGY", help="An order, a signal or trade, or a strategy."
        ),
    ] = "",
    *,
    last: Annotated[bool, typer.Option("--last", help="The trade that closed last.")] = False,
    run: Annotated[str | None, typer.Option(help="Which run; default the newest.")] = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Say why an order was made, why a signal was refused, or why a strategy did nothing.

    Example: holdfast why vwap_reversion
    """
    with RecordReader(existing_data_dir(data_dir)) as reader:
        found = why_of(reader, asked_about(reader, about, run, is_last=last), run)
    if as_json:
        say_json(found)
    else:
        _show(found)


def why_of(reader: RecordReader, about: str, run: str | None = None) -> Answer:
    """The reasons, with `kind` order, trade or strategy; times ns UTC, amounts at 1e-8.

    Raises:
        SetupError: Nothing of that name; the nearest ones are named.
    """
    info = reader.newest_run() if run is None else reader.run(run)
    if info is None:
        raise SetupError(f"there is no run {run!r}; the newest is {reader.newest_run().run}")
    try:
        found = post_mortem_of(reader, about, info.run)
    except UnknownIdError as error:
        strategies = _strategies(reader, info.run)
        if about in strategies:
            return _of_strategy(reader, info.run, about)
        known = f"; its strategies: {', '.join(strategies)}" if strategies else ""
        raise UnknownIdError(f"{error}{known}") from None
    if found["kind"] == "session":
        raise SetupError(f"why takes an order, a signal or a strategy; for a session: holdfast "
                         f"daily {session_date(int(found['about']))}")  # fmt: skip
    return _of_order(found)


def _strategies(reader: RecordReader, run: str) -> list[str]:
    rows = reader.rows(
        "SELECT payload FROM journal WHERE run = :run AND kind = 'StrategyLoaded'", run=run
    )
    return sorted({str(payload(row)["strategy"]) for row in rows})


# --- an order or a signal -------------------------------------------------------------------------


def _of_order(found: dict[str, Any]) -> Answer:
    about = found["about"]
    mine = [
        event
        for event in found["timeline"]
        if found["kind"] != "order" or not _is_other_order(event, about)
    ]
    if found["kind"] == "order" and any(event["stream"] == f"order/{about}" for event in mine):
        mine = _until_its_end(mine, about)
    verdict = found["verdict"]
    return {
        "about": about,
        "kind": found["kind"],
        "run": found["run"],
        "mode": found["mode"],
        "answer": _answer(found),
        "saw": found["signal"],
        "verdict": verdict,
        "chain": mine,
        "latency": [mark for mark in found["latency"] if mark["order_id"] == about]
        or found["latency"],
        "quality": found["quality"],
    }


def _is_other_order(event: dict[str, Any], about: str) -> bool:
    stream = str(event["stream"])
    return stream.startswith("order/") and stream != f"order/{about}"


def _until_its_end(events: list[dict[str, Any]], about: str) -> list[dict[str, Any]]:
    """Up to the order's last word; what the position did later is another question."""
    last = max(at for at, event in enumerate(events) if event["stream"] == f"order/{about}")
    return events[: last + 1]


def _answer(found: dict[str, Any]) -> str:
    order = next(
        (each for each in found["orders"] if each["client_order_id"] == found["about"]), None
    )
    if order is not None and order["purpose"] == "EXIT":
        exits = [e for e in found["exits"] if e.get("client_order_id") == found["about"]]
        cause = told("ExitTriggered", (exits or found["exits"] or [{}])[-1])
        return f"it closes {order['position_id']}: {cause}"
    signal, verdict = found["signal"], found["verdict"]
    if signal is None:
        return "no signal stands behind it in this record"
    asked = f"{signal['strategy']}: {signal['reason']}"
    if verdict is None:
        return f"{asked}; the gate has not ruled on it"
    if not verdict["is_approved"]:
        return f"not made. {asked}; {told('VerdictGiven', verdict)}"
    return f"{asked}; no check of the gate failed{_counted(verdict)}"


def _counted(verdict: dict[str, Any]) -> str:
    """How many limits were compared; nothing in journals of versions that kept none."""
    count = len(verdict.get("passed", ()))
    return f", {count} limits were compared" if count else ""


# --- a strategy -----------------------------------------------------------------------------------


def _of_strategy(reader: RecordReader, run: str, name: str) -> Answer:
    """What kept it from trading in the newest session: its own reasons, then the gate's."""
    session = reader.row(
        "SELECT session_date FROM sessions WHERE run = :run ORDER BY session_date DESC LIMIT 1",
        run=run,
    )
    day = session["session_date"] if session else 0
    counted = [
        event
        for event in _payloads(reader, run, "NoTradesCounted")
        if event["strategy"] == name and event["session_date"] == day
    ]
    verdicts = [
        event
        for event in _payloads(reader, run, "VerdictGiven")
        if event["strategy"] == name and f"/{day}/" in event["signal_id"]
    ]
    refused = [event for event in verdicts if not event["is_approved"]]
    skipped: Counter[str] = Counter()
    for event in counted:
        skipped.update(event["counts"])
    return {
        "about": name,
        "kind": "strategy",
        "run": run,
        "session_date": day,
        "answer": f"{len(verdicts)} signals, {len(refused)} refused by the gate; "
        f"{skipped.total()} bars on which it saw no trade"
        + ("" if counted else " (counted when the session ends)"),
        "skipped": dict(skipped.most_common()),
        "refused": [
            {"signal_id": event["signal_id"], "failed": event["failed"]} for event in refused
        ],
    }


def _payloads(reader: RecordReader, run: str, kind: str) -> list[dict[str, Any]]:
    rows: list[Row] = reader.rows(
        "SELECT payload FROM journal WHERE run = :run AND kind = :kind ORDER BY pos",
        run=run,
        kind=kind,
    )
    return [payload(row) for row in rows]


# --- in words -------------------------------------------------------------------------------------


def _show(found: Answer) -> None:
    out().print(f"{found['about']} · run {found['run']}", markup=False, style="bold")
    say(found["answer"])
    if found["kind"] == "strategy":
        _show_strategy(found)
    else:
        _show_order(found)


def _show_passed(verdict: dict[str, Any]) -> None:
    rows = [
        (check["name"], *(_FIGURE[check["unit"]](check[side]) for side in ("value", "limit")))
        for check in verdict["passed"]
    ]
    names = ("check", "found", "at most")
    out().print(table("Checks that passed", names, rows, right=("found", "at most")))
    if verdict["is_approved"]:
        say(_WITHOUT_FIGURE)


def _show_strategy(found: Answer) -> None:
    rows = [("no trade", reason, count) for reason, count in found["skipped"].items()]
    failed = Counter(check["name"] for each in found["refused"] for check in each["failed"])
    rows += [("refused", name, count) for name, count in failed.most_common()]
    out().print(table("", ("", "reason", "times"), rows, right=("times",)))
    for each in found["refused"][-_REFUSED_SHOWN:]:
        details = "; ".join(found_by(check) for check in each["failed"])
        say(f"{each['signal_id']}: {details}")


def _show_order(found: Answer) -> None:
    if found["verdict"] and found["verdict"]["failed"]:
        checks = [(c["name"], found_by(c)) for c in found["verdict"]["failed"]]
        out().print(table("Checks that failed", ("check", "what was found"), checks))
    if found["verdict"] and found["verdict"].get("passed"):
        _show_passed(found["verdict"])
    rows = (
        (moment(event["at_ns"]), f"+{duration(event['since_ns'])}", event["kind"], event["text"])
        for event in found["chain"]
    )
    out().print(table("", ("exchange time", "since", "step", "what"), rows, right=("since",)))
    if found["latency"]:
        marks = " · ".join(f"{m['stage']} +{duration(m['since_ns'])}" for m in found["latency"])
        say(f"wall clock: {marks}")
    for event in found["quality"]:
        say(f"around it: {event['kind']} {event['text']}")
