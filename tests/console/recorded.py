"""A record with one trade in it, written as the trader would, and the tape it came from."""

import json
from pathlib import Path
from typing import Any, Final

from storage.sqlite import open_record
from streams.tape import Kind, TapeHeader, TapeRow, TapeWriter
from trading.ports import Request, StagedEvent

DATE: Final = 20200309
MINUTE_NS: Final = 60_000_000_000
OPEN_NS: Final = 1_583_760_600_000_000_000  # 09:30 in New York
CLOSE_NS: Final = OPEN_NS + 390 * MINUTE_NS
SIGNAL: Final = f"vwap/{DATE}/1000"
POSITION: Final = f"vwap/ES/{DATE}/1000"
ENTRY: Final = f"p-main-vwap-{DATE}-1000-0e1"
EXIT: Final = f"p-main-vwap-{DATE}-1000-0x1"
REFUSED_SIGNAL: Final = f"vwap/{DATE}/1100"
ONE: Final = 100_000_000

COOLING: Final = {
    "name": "cooldown", "severity": "REFUSAL", "value": 1, "limit": 0, "detail": "cooling down"
}  # fmt: skip
SPENT: Final = {"name": "TRADE_LOSS", "value": 820 * ONE, "limit": 1000 * ONE, "unit": "MONEY"}
FRESH: Final = {"name": "MARK_FRESH", "value": 0, "limit": 120_000_000_000, "unit": "NS"}
SIZED: Final = {"name": "RISK", "before_1e8": 0, "after_1e8": ONE}
_PLAN: Final = {
    "stop": {"kind": "AT", "level": {"kind": "RATIO", "value_1e8": 300_000}},
    "target": {"kind": "R", "value_1e8": 2 * ONE},
}


def write_tape(path: Path, bars: int = 60) -> Path:
    """One session of rising bars: bar n closes at 2700 + n."""
    header = TapeHeader(
        instruments=("ES",),
        cadence_ns=MINUTE_NS,
        sessions=(DATE,),
        content="bars",
        synthetic=True,
        source_sha256="0" * 64,
        calendar="ES",
    )
    with TapeWriter(path, header) as writer:
        writer.extend([(OPEN_NS, Kind.SESSION_OPEN, -1, 0, DATE, OPEN_NS, CLOSE_NS, 0, 0, 0, 0, 1)])
        writer.extend(_bar(number) for number in range(1, bars + 1))
        writer.extend([(CLOSE_NS, Kind.SESSION_CLOSE, -1, 0, DATE, 0, 0, 0, 0, 0, 0, 1)])
    return path


def _bar(number: int) -> TapeRow:
    end_ns = OPEN_NS + number * MINUTE_NS
    close = (2700 + number) * ONE
    return (end_ns, Kind.BAR, 0, end_ns - MINUTE_NS, close - ONE, close + ONE, close - 2 * ONE,
            close, 100 * ONE, 0, 0, 1)  # fmt: skip


class Scribbler:
    """Stages events as requests of one event each."""

    def __init__(self, data_dir: Path, *, tape_path: str = "") -> None:
        """Open the record and begin a run."""
        self.record = open_record(data_dir, is_eager=False)
        self.record.deliver_to(lambda _: None)
        self.run = self.record.begin_run(
            mode="PAPER", config_hash="c", source="es_1m", started_ns=OPEN_NS, tape_path=tape_path
        )

    def put(
        self, kind: str, stream: str, minute: int, *, journal_id: str = "account:main", **body: Any
    ) -> None:
        """One event at a minute of the session, while the bar of that minute was handled."""
        event = StagedEvent(
            stream=stream,
            kind=kind,
            at_ns=OPEN_NS + minute * MINUTE_NS,
            payload=json.dumps(body).encode(),
        )
        self.record.stage(
            Request(journal_id=journal_id, events=(event,), token=kind, tape_seq=minute)
        )

    def close(self, *, is_ended: bool = True) -> None:
        """Make everything durable."""
        self.record.settle()
        if is_ended:
            self.record.end_run(ended_ns=CLOSE_NS, is_clean=True)
        self.record.close()


def write_record(data_dir: Path) -> None:
    """A session with one trade, one refused signal, one gap and one crash."""
    scribe = Scribbler(data_dir, tape_path=str(write_tape(data_dir / "es.tape")))
    scribe.put(
        "SessionOpened", "account", 0, session_date=DATE, open_ns=OPEN_NS, close_ns=CLOSE_NS,
        week=1, equity_1e8=100_000 * ONE,
    )  # fmt: skip
    _signal(scribe, SIGNAL, 30)
    _verdict(scribe, SIGNAL, 30, ENTRY, [])
    order(scribe, ENTRY, "ENTRY", "BUY", 30, 2730)
    _fill(scribe, ENTRY, "BUY", 31, 2731)
    position(scribe, "MONITORING", 31)
    for number, stage in enumerate(("tick", "signal", "risk", "durable", "sent", "filled")):
        scribe.record.mark(ENTRY, stage, 1_000_000 + number * 250_000)
    scribe.put(
        "FeedGap", "feed/es", 36, journal_id="system", feed="es", instrument="ES", missing=2,
        start_ns=OPEN_NS + 33 * MINUTE_NS, end_ns=OPEN_NS + 35 * MINUTE_NS, reason="missing bars",
    )  # fmt: skip
    scribe.put(
        "ActorCrashed", "actor/strategy/vwap", 38, journal_id="system", name="strategy/vwap",
        incarnation=1, reason="ZeroDivisionError", detail="division by zero", message="Bar",
    )  # fmt: skip
    scribe.put(
        "ExitTriggered", f"position/{POSITION}", 40, position_id=POSITION, strategy="vwap",
        instrument="ES", reason="TAKE_PROFIT", trigger_1e8=2740 * ONE, threshold_1e8=2739 * ONE,
        qty_1e8=ONE, client_order_id=EXIT, text="the close is above the VWAP",
    )  # fmt: skip
    order(scribe, EXIT, "EXIT", "SELL", 40, 2740)
    _fill(scribe, EXIT, "SELL", 41, 2741)
    position(scribe, "CLOSED", 41)
    trade(scribe)
    _signal(scribe, REFUSED_SIGNAL, 50)
    _verdict(scribe, REFUSED_SIGNAL, 50, "", [COOLING])
    scribe.put(
        "NoTradesCounted", "strategy/vwap", 390, journal_id="system", strategy="vwap",
        session_date=DATE, counts={"WARMUP": 20, "IN_POSITION": 11},
    )  # fmt: skip
    scribe.put(
        "AssertionsCounted", "assertions", 390, journal_id="system", session_date=DATE,
        asserted=10, sweeps=390, decisions=20,
    )  # fmt: skip
    scribe.put(
        "SessionClosed", "account", 390, session_date=DATE, entries=1, trades=1,
        gross_1e8=500 * ONE, fees_1e8=4 * ONE, net_1e8=496 * ONE, equity_1e8=100_496 * ONE,
        positions_open=0,
    )  # fmt: skip
    scribe.close()


def _signal(scribe: Scribbler, signal_id: str, minute: int) -> None:
    scribe.put(
        "SignalReceived", f"signal/{signal_id}", minute, signal_id=signal_id, strategy="vwap",
        setup_instance=signal_id[-4:], session_date=DATE,
        legs=[{"instrument": "ES", "side": "BUY", "ratio_1e8": ONE}], order_type="MARKET",
        tif="DAY", plan=_PLAN, reason="0.30 % under the VWAP", confidence_ratio_1e8=ONE,
        reference_1e8=(2700 + minute) * ONE, reference_ns=OPEN_NS + minute * MINUTE_NS,
    )  # fmt: skip


def _verdict(
    scribe: Scribbler, signal_id: str, minute: int, order_id: str, failed: list[dict[str, Any]]
) -> None:
    scribe.put(
        "VerdictGiven", f"signal/{signal_id}", minute, signal_id=signal_id,
        client_order_id=order_id, strategy="vwap", instrument="ES", is_approved=not failed,
        qty_1e8=ONE if not failed else 0, sizing=[SIZED],
        failed=failed, passed=[SPENT, FRESH],
    )  # fmt: skip


def order(
    scribe: Scribbler, order_id: str, purpose: str, side: str, minute: int, price: int
) -> None:
    stream = f"order/{order_id}"
    scribe.put(
        "OrderIntended", stream, minute, client_order_id=order_id, signal_id=SIGNAL,
        position_id=POSITION, strategy="vwap", instrument="ES", session_date=DATE,
        setup_instance="1000", leg=0, purpose=purpose, attempt=1, side=side, qty_1e8=ONE,
        order_type="MARKET", tif="DAY", adds_risk=purpose == "ENTRY", deadline_ns=0, expires_ns=0,
        reference_1e8=price * ONE, reference_ns=OPEN_NS + minute * MINUTE_NS,
        exit_reason="TAKE_PROFIT" if purpose == "EXIT" else None,
        plan=_PLAN if purpose == "ENTRY" else None,
    )  # fmt: skip
    for old, new in (("PENDING", "SUBMITTED"), ("SUBMITTED", "WORKING")):
        scribe.put(
            "OrderChanged", stream, minute, client_order_id=order_id, old=old, new=new,
            cause="released", broker_order_id="b-1" if new == "WORKING" else "", venue_ns=0,
            at_ns=OPEN_NS + minute * MINUTE_NS,
        )  # fmt: skip


def _fill(scribe: Scribbler, order_id: str, side: str, minute: int, price: int) -> None:
    stream = f"order/{order_id}"
    scribe.put(
        "OrderFilled", stream, minute, client_order_id=order_id, execution_id=f"{order_id}-x",
        broker_order_id="b-1", position_id=POSITION, strategy="vwap", instrument="ES", side=side,
        qty_1e8=ONE, price_1e8=price * ONE, fee_1e8=2 * ONE, settlement="CONFIRMED", venue_ns=1,
        at_ns=1, is_late=False, filled_1e8=ONE, filled_value_1e16=str(price * ONE * ONE),
        order_fees_1e8=2 * ONE, realised_1e8=0,
    )  # fmt: skip
    scribe.put(
        "OrderChanged", stream, minute, client_order_id=order_id, old="WORKING", new="FILLED",
        cause="fill", broker_order_id="b-1", venue_ns=1, at_ns=1,
    )  # fmt: skip


def position(
    scribe: Scribbler, phase: str, minute: int, *, cause: str = "fill", stop_1e8: int = 0
) -> None:
    scribe.put(
        "PositionChanged", f"position/{POSITION}", minute, position_id=POSITION, strategy="vwap",
        instrument="ES", session_date=DATE, setup_instance="1000", entry_order_id=ENTRY,
        phase=phase, side="BUY", qty_1e8=ONE if phase == "MONITORING" else 0, unconfirmed_1e8=0,
        average_entry_1e8=2731 * ONE, realised_1e8=0, fees_1e8=2 * ONE, exit_order_id="",
        exit_reason="TAKE_PROFIT", cause=cause, stop_override_1e8=stop_1e8, target_override_1e8=0,
    )  # fmt: skip


def trade(scribe: Scribbler, reason: str = "TAKE_PROFIT") -> None:
    """The trade that the position became."""
    scribe.put(
        "TradeClosed", f"position/{POSITION}", 41, trade_id=POSITION, strategy="vwap",
        instrument="ES", session_date=DATE, setup_instance="1000", side="BUY", qty_1e8=ONE,
        entry_ns=OPEN_NS + 31 * MINUTE_NS, exit_ns=OPEN_NS + 41 * MINUTE_NS, entry_1e8=2731 * ONE,
        exit_1e8=2741 * ONE, gross_1e8=500 * ONE, fees_1e8=4 * ONE, net_1e8=496 * ONE,
        risk_1e8=409 * ONE, r_1e8=121_000_000, reason=reason,
        entry_intended_1e8=2730 * ONE, exit_intended_1e8=2740 * ONE, exit_threshold_1e8=2739 * ONE,
        entry_slippage_1e8=ONE, exit_slippage_1e8=-ONE, gap_1e8=0, multiplier_1e8=50 * ONE,
        entry_order_id=ENTRY, exit_order_id=EXIT,
    )  # fmt: skip
