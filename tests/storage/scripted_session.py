"""Two days of a small account, as the account core and the system journal them.

Day one: a long trade that wins, filled in two parts; a signal that the gate refuses. Day two: a
short trade that is stopped out, an order that the venue rejects, a strategy that crashes, a hole in
the feed, a control change and a FLATTEN that closes the last position.
"""

from pathlib import Path
from typing import Any

from storage import SqliteRecord, open_record
from streams.tape import Kind, TapeHeader, TapeWriter
from tests.storage.staging import ACCOUNT, Inbox, event, request
from trading.ports import Durable, Record, StagedEvent

ONE = 100_000_000
MINUTE_NS = 60_000_000_000
DAY_1_NS = 1_577_975_400_000_000_000  # 2020-01-02 09:30 in New York
DAY_2_NS = DAY_1_NS + 1_440 * MINUTE_NS
DAYS = {20200102: DAY_1_NS, 20200103: DAY_2_NS}
LEDGER = {"cash_1e8": 0, "gross_1e8": 0, "fees_1e8": 0}


class Script:
    """Stages what happened, one request for each decision."""

    def __init__(self, record: Record) -> None:
        """Write into a record whose run has begun."""
        self.record = record
        self.token = 0

    def system(self, kind: str, stream: str, at_ns: int, **fields: Any) -> None:
        """One event of the system's journal."""
        self._stage([event(kind, stream, at_ns, **fields)], journal_id="system")

    def account(self, *events: StagedEvent, claims: tuple[tuple[str, str], ...] = ()) -> None:
        """One decision of the account."""
        self._stage(list(events), claims=claims)

    def _stage(
        self,
        events: list[StagedEvent],
        journal_id: str = ACCOUNT,
        claims: tuple[tuple[str, str], ...] = (),
    ) -> None:
        self.token += 1
        self.record.stage(
            request(self.token, *events, claims=claims, journal_id=journal_id, tape_seq=self.token)
        )

    # ------------------------------------------------------------------------------- an account

    def session(self, date: int, kind: str, **fields: Any) -> None:
        """Open or close a session."""
        open_ns = DAYS[date]
        at_ns = open_ns if kind == "SessionOpened" else open_ns + 390 * MINUTE_NS
        if kind == "SessionOpened":
            fields |= {"open_ns": open_ns, "close_ns": open_ns + 390 * MINUTE_NS, "week": 1}
            fields |= {"equity_1e8": 100_000 * ONE, "ledger": LEDGER}
        self.account(event(kind, "account", at_ns, session_date=date, **fields))

    def signal(self, date: int, setup: str, side: str, price: int, failed: str = "") -> str:
        """A signal with its verdict; approved ones intend an entry. Returns the order id."""
        at_ns = DAYS[date] + int(setup) * MINUTE_NS
        signal_id = f"vwap/{date}/{setup}"
        stream = f"signal/{signal_id}"
        order_id = f"p-main-vwap-{date}-{setup}-0e1"
        asked = event(
            "SignalReceived",
            stream,
            at_ns,
            signal_id=signal_id,
            strategy="vwap",
            setup_instance=setup,
            session_date=date,
            legs=[{"instrument": "ES", "side": side, "ratio_1e8": ONE}],
            order_type="MARKET",
            tif="DAY",
            plan={"stop": {"kind": "AT", "level": {"kind": "RATIO", "value_1e8": 300_000}}},
            reason="0.40 % from VWAP",
            confidence_ratio_1e8=ONE,
            reference_1e8=price * ONE,
            reference_ns=at_ns,
        )
        check = {"name": failed, "severity": "WARNING", "value": 3, "limit": 2}
        checks = [check | {"detail": f"{failed}: at most 2, was 3"}] if failed else []
        verdict = event(
            "VerdictGiven",
            stream,
            at_ns,
            signal_id=signal_id,
            client_order_id="" if failed else order_id,
            strategy="vwap",
            instrument="ES",
            is_approved=not failed,
            qty_1e8=2 * ONE,
            sizing=[{"name": "QTY_CAP", "before_1e8": 4 * ONE, "after_1e8": 2 * ONE}],
            failed=checks,
        )
        if failed:
            self.account(asked, verdict)
            return ""
        intent = self.intent(date, setup, side, price, at_ns, "ENTRY")
        setup_key = f"PAPER|main|vwap|{setup}|{date}"
        self.account(asked, verdict, intent, claims=(("intent", order_id), ("setup", setup_key)))
        return order_id

    def intent(
        self, date: int, setup: str, side: str, price: int, at_ns: int, purpose: str
    ) -> StagedEvent:
        """An order about to be asked for."""
        order_id = f"p-main-vwap-{date}-{setup}-0{'e' if purpose == 'ENTRY' else 'x'}1"
        return event(
            "OrderIntended",
            f"order/{order_id}",
            at_ns,
            client_order_id=order_id,
            signal_id=f"vwap/{date}/{setup}",
            position_id=f"vwap/ES/{date}/{setup}",
            strategy="vwap",
            instrument="ES",
            session_date=date,
            setup_instance=setup,
            leg=0,
            purpose=purpose,
            attempt=1,
            side=side,
            qty_1e8=2 * ONE,
            order_type="MARKET",
            tif="DAY",
            adds_risk=purpose == "ENTRY",
            deadline_ns=at_ns + 5_000_000_000,
            expires_ns=0,
            reference_1e8=price * ONE,
            reference_ns=at_ns,
        )

    def changed(self, order_id: str, at_ns: int, old: str, new: str, cause: str) -> StagedEvent:
        """A transition of an order."""
        return event(
            "OrderChanged",
            f"order/{order_id}",
            at_ns,
            client_order_id=order_id,
            old=old,
            new=new,
            cause=cause,
            broker_order_id="" if new == "SUBMITTED" else f"B-{order_id}",
            venue_ns=0 if new == "SUBMITTED" else at_ns,
            at_ns=at_ns,
        )

    def fill(
        self, order_id: str, position_id: str, at_ns: int, number: int, side: str, price: int
    ) -> StagedEvent:
        """One contract executed; the first or the second of an order."""
        return event(
            "OrderFilled",
            f"order/{order_id}",
            at_ns,
            client_order_id=order_id,
            execution_id=f"{order_id}-{number}",
            broker_order_id=f"B-{order_id}",
            position_id=position_id,
            strategy="vwap",
            instrument="ES",
            side=side,
            qty_1e8=ONE,
            price_1e8=price * ONE,
            fee_1e8=ONE,
            settlement="CONFIRMED",
            venue_ns=at_ns,
            at_ns=at_ns,
            is_late=False,
            filled_1e8=number * ONE,
            filled_value_1e16=str(number * price * ONE * ONE),
            order_fees_1e8=number * ONE,
            realised_1e8=0,
            ledger=LEDGER,
        )

    def position(self, position_id: str, at_ns: int, phase: str, qty: int, **fields: Any) -> Any:
        """A position as it is now."""
        strategy, instrument, date, setup = position_id.split("/")
        entry_id = f"p-main-vwap-{date}-{setup}-0e1"
        known = {"exit_order_id": "", "average_entry_1e8": 3_200 * ONE, "side": "BUY"} | fields
        return event(
            "PositionChanged",
            f"position/{position_id}",
            at_ns,
            position_id=position_id,
            strategy=strategy,
            instrument=instrument,
            session_date=int(date),
            setup_instance=setup,
            entry_order_id=entry_id,
            phase=phase,
            qty_1e8=qty * ONE,
            unconfirmed_1e8=0,
            realised_1e8=0,
            fees_1e8=2 * ONE,
            cause="fill",
            **known,
        )

    def round_trip(
        self, date: int, setup: str, side: str, prices: tuple[int, int], minutes: int, reason: str
    ) -> None:
        """A trade of two contracts from signal to flat, at an entry and an exit price."""
        entry, exit_ = prices
        order_id = self.signal(date, setup, side, entry)
        at_ns = DAYS[date] + int(setup) * MINUTE_NS
        position_id = f"vwap/ES/{date}/{setup}"
        other = "SELL" if side == "BUY" else "BUY"
        sign = 1 if side == "BUY" else -1
        for stage, mono_ns in zip(
            ("tick", "signal", "risk", "durable", "sent", "acknowledged", "filled"),
            (0, 90_000, 140_000, 400_000, 460_000, 900_000, 1_500_000),
            strict=True,
        ):
            self.record.mark(order_id, stage, at_ns % 10**9 + mono_ns)
        self.account(self.changed(order_id, at_ns, "PENDING", "SUBMITTED", "released"))
        self.account(
            self.changed(order_id, at_ns, "SUBMITTED", "PARTIALLY_FILLED", "fill"),
            self.fill(order_id, position_id, at_ns, 1, side, entry),
            self.position(position_id, at_ns, "ENTRY", sign, side=side),
        )
        self.account(
            self.changed(order_id, at_ns, "PARTIALLY_FILLED", "FILLED", "fill"),
            self.fill(order_id, position_id, at_ns, 2, side, entry),
            self.position(position_id, at_ns, "MONITORING", 2 * sign, side=side),
        )
        exit_ns = at_ns + minutes * MINUTE_NS
        exit_id = f"p-main-vwap-{date}-{setup}-0x1"
        triggered = event(
            "ExitTriggered",
            f"position/{position_id}",
            exit_ns,
            position_id=position_id,
            strategy="vwap",
            instrument="ES",
            reason=reason,
            trigger_1e8=exit_ * ONE,
            threshold_1e8=exit_ * ONE,
            qty_1e8=2 * ONE,
            client_order_id=exit_id,
            text="level reached",
        )
        pending = {"side": side, "exit_order_id": exit_id, "exit_reason": reason}
        self.account(
            triggered,
            self.intent(date, setup, other, exit_, exit_ns, "EXIT"),
            self.position(position_id, exit_ns, "EXIT_PENDING", 2 * sign, **pending),
            claims=(("intent", exit_id),),
        )
        self.account(self.changed(exit_id, exit_ns, "PENDING", "SUBMITTED", "released"))
        gross = sign * (exit_ - entry) * 2 * 50 * ONE
        closed = event(
            "TradeClosed",
            f"position/{position_id}",
            exit_ns,
            trade_id=position_id,
            strategy="vwap",
            instrument="ES",
            session_date=date,
            setup_instance=setup,
            side=side,
            qty_1e8=2 * ONE,
            entry_ns=at_ns,
            exit_ns=exit_ns,
            entry_1e8=entry * ONE,
            exit_1e8=exit_ * ONE,
            gross_1e8=gross,
            fees_1e8=4 * ONE,
            net_1e8=gross - 4 * ONE,
            risk_1e8=500 * ONE,
            r_1e8=(gross - 4 * ONE) // 500,
            reason=reason,
            entry_intended_1e8=entry * ONE,
            exit_intended_1e8=exit_ * ONE,
            exit_threshold_1e8=exit_ * ONE,
            entry_slippage_1e8=25_000_000,
            exit_slippage_1e8=0,
            gap_1e8=0,
            multiplier_1e8=50 * ONE,
            entry_order_id=order_id,
            exit_order_id=exit_id,
        )
        self.account(
            self.changed(exit_id, exit_ns, "SUBMITTED", "FILLED", "fill"),
            self.fill(exit_id, position_id, exit_ns, 1, other, exit_),
            self.fill(exit_id, position_id, exit_ns, 2, other, exit_),
            self.position(position_id, exit_ns, "CLOSED", 0, **pending),
            closed,
        )


def play(record: Record, tape_path: Path | None = None) -> str:
    """Stage both days into a record; the run's name."""
    run = record.begin_run(
        mode="PAPER",
        config_hash="c0ffee",
        source="scripted",
        started_ns=DAY_1_NS,
        tape_path=str(tape_path) if tape_path else "",
    )
    script = Script(record)
    script.system("RunStarted", "run", DAY_1_NS, run=run, mode="PAPER")
    script.session(20200102, "SessionOpened")
    script.round_trip(20200102, "30", "BUY", (3_200, 3_210), 45, "TAKE_PROFIT")
    script.signal(20200102, "120", "BUY", 3_205, failed="max_entries")
    script.session(
        20200102,
        "SessionClosed",
        entries=1,
        trades=1,
        gross_1e8=1_000 * ONE,
        fees_1e8=4 * ONE,
        net_1e8=996 * ONE,
        equity_1e8=100_996 * ONE,
        positions_open=0,
    )
    counts = {"PRICE_ABOVE_THRESHOLD": 301, "WARMUP": 20, "IN_POSITION": 45}
    script.system(
        "NoTradesCounted",
        "strategy/vwap",
        DAY_1_NS + 390 * MINUTE_NS,
        strategy="vwap",
        session_date=20200102,
        counts=counts,
    )
    _second_day(script)
    record.end_run(ended_ns=DAY_2_NS + 391 * MINUTE_NS, is_clean=True)
    return run


def _second_day(script: Script) -> None:
    script.session(20200103, "SessionOpened")
    script.round_trip(20200103, "15", "SELL", (3_190, 3_200), 5, "STOP_LOSS")
    script.system(
        "FeedGap",
        "feed/replay",
        DAY_2_NS + 40 * MINUTE_NS,
        feed="replay",
        instrument="ES",
        start_ns=DAY_2_NS + 25 * MINUTE_NS,
        end_ns=DAY_2_NS + 40 * MINUTE_NS,
        session_date=20200103,
        missing=15,
        reason="MISSING_BARS",
    )
    at_ns = DAY_2_NS + 60 * MINUTE_NS
    for kind in ("ActorCrashed", "ActorRestarted"):
        script.system(
            kind,
            "actor/strategy:vwap",
            at_ns,
            name="strategy:vwap",
            incarnation=1,
            reason="ValueError",
            detail="no bars yet",
            message="Bar",
        )
    script.system("SystemHalted", "actor/root", at_ns, name="root", incarnation=1, reason="gave up")
    script.system(
        "BarBuilt",
        "feed/feed:main",
        at_ns,
        feed="feed:main",
        instrument="NQ",
        start_ns=at_ns - MINUTE_NS,
        end_ns=at_ns,
        open_1e8=3_201 * ONE,
        high_1e8=3_203 * ONE,
        low_1e8=3_200 * ONE,
        close_1e8=3_202 * ONE,
        volume_1e8=7 * ONE,
        tape_seq=70,
        is_synthetic=True,
    )
    rejected = script.signal(20200103, "70", "BUY", 3_195)
    script.account(script.changed(rejected, at_ns, "PENDING", "SUBMITTED", "released"))
    script.account(script.changed(rejected, at_ns, "SUBMITTED", "REJECTED", "no margin"))
    change = {"name": "max_position", "old": "null", "new": '"1"', "author": "ann", "reason": "fog"}
    script.system("ControlChanged", "control/max_position", at_ns, **change)
    script.account(event("ControlChanged", "control/max_position", at_ns, **change))
    script.account(
        event("ProtectionTripped", "account", at_ns, name="STOPLOSS_GUARD", tripped=True, value=3)
    )
    kill = {"kill_id": "k-1", "level": "FLATTEN", "reason": "drill", "author": "ann"}
    script.system("KillAccepted", "kill/k-1", at_ns, **kill)
    script.account(
        event("KillLevelChanged", "kill/k-1", at_ns, old="NONE", new="FLATTEN", at_ns=at_ns, **kill)
    )
    script.round_trip(20200103, "80", "BUY", (3_198, 3_197), 1, "KILL_SWITCH")
    done = {"cancelled": 0, "closed": 1, "failed": 0, "remaining": 0}
    script.system("KillDone", "kill/k-1", at_ns + 250_000_000, kill_id="k-1", **done)
    script.session(
        20200103,
        "SessionClosed",
        entries=3,
        trades=2,
        gross_1e8=-1_100 * ONE,
        fees_1e8=8 * ONE,
        net_1e8=-1_108 * ONE,
        equity_1e8=99_888 * ONE,
        positions_open=0,
    )


def write_tape(path: Path) -> None:
    """Five bars of day one and two of day two."""
    header = TapeHeader(
        instruments=("ES",),
        cadence_ns=MINUTE_NS,
        sessions=tuple(DAYS),
        content="bars",
        calendar="ES",
        synthetic=False,
        source_sha256="0" * 64,
    )
    with TapeWriter(path, header) as tape:
        for date, open_ns in DAYS.items():
            close_ns = open_ns + 390 * MINUTE_NS
            rows = [(open_ns, Kind.SESSION_OPEN, -1, 0, date, open_ns, close_ns, 0, 0, 0, 0, 0)]
            for n in range(5 if date == 20200102 else 2):
                start_ns = open_ns + n * MINUTE_NS
                price = (3_200 + n) * ONE
                bar = (price, price + ONE, price - ONE, price, 1_000 * ONE, 0, 0)
                rows.append((start_ns + MINUTE_NS, Kind.BAR, 0, start_ns, *bar, 0))
            rows.append((close_ns, Kind.SESSION_CLOSE, -1, 0, date, 0, 0, 0, 0, 0, 0, 0))
            tape.extend(rows)


def played(data_dir: Path) -> SqliteRecord:
    """An open record that holds the script, every request of it durable."""
    data_dir.mkdir(exist_ok=True)
    tape_path = data_dir / "scripted.tape"
    write_tape(tape_path)
    record = open_record(data_dir, is_eager=False)
    inbox = Inbox()
    record.deliver_to(inbox)
    play(record, tape_path)
    refused = [outcome for outcome in inbox.outcomes if not isinstance(outcome, Durable)]
    assert refused == []
    return record
