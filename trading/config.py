"""The configuration: what may be traded, how much, and by which rules.

Written in TOML (`trading.config_reader.load`), checked once at the start, frozen afterwards. Money,
prices, quantities and ratios are Decimals here and integers at 1e-8 in `account_json`. The defaults
are the micro profile: every limit and protection is on.
"""

from decimal import Decimal
from enum import StrEnum
from hashlib import sha256
from typing import Annotated, Any, Literal

import msgspec
import orjson

from trading.config_desk import AlertsSection, ConsoleSection, LogsSection, RetentionSection
from trading.config_fields import Section, above, at_least, between, doc, name, ratio, symbol_of
from trading.config_prices import SpotFeed
from trading.money import to_1e8
from trading.run_options import Mode

NS_PER_S = 1_000_000_000
DAY_S = 86_400
BALANCE_DUE_S = 5
"""An entry waits so long for the broker's figure, and rests on none that is older (EX-13)."""
_VENUE_ENDED_ORDERS = 256  # kept by the paper venue for look-ups and repeats
D = Decimal


class InstrumentKind(StrEnum):
    """What kind of thing is traded."""

    EQUITY = "EQUITY"
    FUTURE = "FUTURE"
    OPTION = "OPTION"
    BINARY = "BINARY"


class RunSection(Section, frozen=True, kw_only=True):
    """[run]: what a run is when the command line says nothing else."""

    mode: Annotated[Mode, doc("PAPER, BACKTEST, DRY_RUN or LIVE")] = Mode.PAPER
    account: Annotated[str, name("name of the account; stands in every order id")] = "main"
    data_dir: Annotated[str, doc("where the record and the operator's token stand")] = (
        "holdfast-data"
    )
    strategies_dir: Annotated[str, doc("your own one-file strategies (SG-1)")] = "strategies"
    policies_dir: Annotated[str, doc("your own veto policies (RK-16)")] = "policies"
    seed: Annotated[int, at_least(0, "seed of the generated market")] = 7


class Instrument(Section, frozen=True, kw_only=True):
    """[[instruments]]: one thing that may be traded."""

    symbol: Annotated[str, symbol_of("its id everywhere")]
    kind: Annotated[InstrumentKind, doc("EQUITY, FUTURE, OPTION or BINARY")]
    tick_size: Annotated[Decimal, above(0, "smallest step of a price")]
    lot: Annotated[Decimal, above(0, "smallest step of a quantity; below 1 is fractional")] = D(1)
    qty_min: Annotated[Decimal | None, above(0, "smallest quantity; default one lot")] = None
    multiplier: Annotated[Decimal, above(0, "dollars per point of price and unit")] = D(1)


class InputSection(Section, frozen=True, kw_only=True):
    """[input]: how a recording for --replay is read, and whether a live market is kept as one."""

    calendar: Annotated[str, doc("whose sessions count: XNYS, ES or ALWAYS")] = "XNYS"
    content: Annotated[
        Literal["bars", "quotes", "trades"] | None, doc("bars, quotes or trades; none: see columns")
    ] = None
    columns: Annotated[
        dict[str, str], doc('what we call it = what the file does, e.g. { ts = "when" }')
    ] = msgspec.field(default_factory=dict)
    cadence_s: Annotated[
        int | None, above(0, "length of a bar; none: from the stamps, 60 for quotes and trades")
    ] = None
    bar_stamp: Annotated[Literal["start", "end"], doc("the time of a bar is its start or end")] = (
        "start"
    )
    capture: Annotated[
        bool, doc("keep a live run's quotes and trades in capture/, as Parquet (MD-6)")
    ] = False
    spot_feeds: Annotated[
        tuple[SpotFeed, ...], doc("exchanges beside binary windows, see docs/how-to/canary.md")
    ] = ()


class AccountSection(Section, frozen=True, kw_only=True):
    """[account]: the money and when it must be flat."""

    capital_usd: Annotated[Decimal, above(0, "equity at the start of a paper run")] = D(2000)
    entry_ttl_s: Annotated[
        int, at_least(0, "an unfilled entry LIMIT order is cancelled after this; 0 never (EX-8)")
    ] = 120
    entry_ttl_retry_at_market: Annotated[bool, doc("and tried once more, at market")] = False
    release_deadline_s: Annotated[
        int, above(0, "longest time from a decision to the wire; later ones are refused")
    ] = 5
    auto_flatten_before_close_s: Annotated[
        int, at_least(0, "market exits this long before the session ends; 0 never (KC-8)")
    ] = 300
    flatten_check_before_close_s: Annotated[
        int, at_least(0, "the safety net looks again this long before the end (KC-8)")
    ] = 60
    emergency_closes_positions: Annotated[
        bool, doc("EMERGENCY closes positions; false leaves them with their stops (KC-1)")
    ] = True
    kill_foreign_orders: Annotated[
        bool, doc("a kill cancels orders that others placed at the venue too (KC-2)")
    ] = False
    reconcile_missing_max: Annotated[
        int, at_least(0, "more positions than this that the venue does not know stop (ST-3)")
    ] = 3
    reconcile_drift_max_ratio: Annotated[
        Decimal, ratio("a position that differs by more than this part stops (ST-3)")
    ] = D("0.05")
    balance_age_max_s: Annotated[
        int, above(0, "a broker's account value older than this is unknown (RK-4)")
    ] = 60
    balance_cache_s: Annotated[
        int, at_least(0, "an entry may rest on a balance of this age; 0 asks anew (EX-13)")
    ] = 0


class LimitsSection(Section, frozen=True, kw_only=True):
    """[limits]: the rails. `"none"` takes one away by name; leaving it out keeps the default."""

    risk_per_trade_usd: Annotated[
        Decimal, above(0, "money at risk between entry and stop of one trade (RK-2, RK-3)")
    ] = D("1.50")
    daily_loss_max_usd: Annotated[
        Decimal, above(0, "lost since the session's start: no entries until the next (RK-4)")
    ] = D(10)
    weekly_loss_max_usd: Annotated[
        Decimal | None, above(0, "lost since the week's start: no entries until the next (RK-5)")
    ] = D(25)
    position_notional_max_usd: Annotated[
        Decimal, above(0, "price x quantity x multiplier of one position (EX-12)")
    ] = D(1000)
    position_qty_max: Annotated[Decimal | None, above(0, "units of one position (EX-12)")] = None
    exposure_max_ratio: Annotated[
        Decimal, above(0, "notional of everything open / equity (PF-3)")
    ] = D("0.80")
    positions_per_instrument_max: Annotated[
        int, above(0, "open positions and entries under way, one instrument (EX-12)")
    ] = 1
    positions_max: Annotated[int, above(0, "the same, whole account (RK-13)")] = 3
    entries_per_window_max: Annotated[
        int, above(0, "entry orders per window and instrument; exits are exempt (EX-12)")
    ] = 2
    entry_window_s: Annotated[int, at_least(0, "length of that window; 0 is the session")] = 0
    entries_per_session_max: Annotated[
        int | None, above(0, "entry orders of one strategy in a session")
    ] = None
    collar_ratio: Annotated[
        Decimal, ratio("how far an entry's price may be from the last one (EX-10)")
    ] = D("0.02")
    reference_age_max_s: Annotated[int | None, above(0, "oldest price an entry may rest on")] = 120
    unstopped_ratio: Annotated[
        Decimal | None, ratio("stop distance assumed for the size of a trade that waived its stop")
    ] = None


class StoplossGuard(Section, frozen=True, kw_only=True):
    """[protections.stoploss_guard]: several stop-outs in a row."""

    enabled: bool = True
    stop_outs: Annotated[int, above(0, "in a row")] = 3
    cooldown_s: Annotated[int, above(0, "no entries for this long")] = 30 * 60


class MaxDrawdown(Section, frozen=True, kw_only=True):
    """[protections.max_drawdown]: (peak - now) / peak of the closed P&L in the window."""

    enabled: bool = True
    drawdown_max_ratio: Annotated[Decimal, ratio("trips at or above")] = D("0.15")
    window_s: Annotated[int, above(0, "how far back trades count")] = 7 * DAY_S
    cooldown_s: Annotated[int, above(0, "no entries for this long")] = DAY_S
    peak_min_usd: Annotated[
        Decimal, at_least(0, "up to this peak, the fall counts against the capital")
    ] = D("0")


class CooldownPeriod(Section, frozen=True, kw_only=True):
    """[protections.cooldown_period]: a pause after each stop-out."""

    enabled: bool = True
    cooldown_s: Annotated[int, above(0, "no entries for this long")] = 60 * 60


class WindowMinutes(Section, frozen=True, kw_only=True):
    """A part of the session, in minutes since its open."""

    from_min: Annotated[int, at_least(0, "first minute")]
    until_min: Annotated[
        int | None, above(0, "first minute that is not in it; none: the close")
    ] = None


class TimeWindow(Section, frozen=True, kw_only=True):
    """[protections.time_window]: when entries are allowed."""

    enabled: bool = True
    windows: Annotated[tuple[WindowMinutes, ...], doc("in minutes since the session's open")] = (
        WindowMinutes(from_min=0),
    )


class VolatilityHalt(Section, frozen=True, kw_only=True):
    """[protections.volatility_halt]: the deviation of returns is too large, per instrument."""

    enabled: bool = True
    sample_s: Annotated[int, above(0, "a return is taken over this long")] = 60
    returns: Annotated[int, between(2, 1024, "how many of them count")] = 30
    deviation_max_ratio: Annotated[Decimal, above(0, "trips above")] = D("0.005")
    cooldown_s: Annotated[int, above(0, "no entries for this long")] = 15 * 60


class Throttle(Section, frozen=True, kw_only=True):
    """[protections.throttle]: smaller sizes after losses (RK-8)."""

    enabled: bool = True
    daily_used_ratio: Annotated[Decimal, ratio("of the daily limit lost")] = D("0.5")
    daily_size_ratio: Annotated[Decimal, ratio("then this part of the size")] = D("0.5")
    weekly_used_ratio: Annotated[Decimal, ratio("of the weekly limit lost")] = D("0.6")
    weekly_size_ratio: Annotated[Decimal, ratio("then this part of the size")] = D("0.25")


class ProtectionsSection(Section, frozen=True, kw_only=True):
    """[protections]: each with a cool-down of its own (RK-6); all are on (RK-12)."""

    stoploss_guard: StoplossGuard = StoplossGuard()
    max_drawdown: MaxDrawdown = MaxDrawdown()
    cooldown_period: CooldownPeriod = CooldownPeriod()
    time_window: TimeWindow = TimeWindow()
    volatility_halt: VolatilityHalt = VolatilityHalt()
    throttle: Throttle = Throttle()


class PaperSection(Section, frozen=True, kw_only=True):
    """[paper]: how the paper venue fills."""

    fee_per_unit_usd: Annotated[Decimal, at_least(0, "per share or contract")] = D("0.005")
    fee_min_usd: Annotated[Decimal, at_least(0, "least fee of a fill")] = D(0)
    fee_ratio: Annotated[Decimal, at_least(0, "of the notional")] = D(0)
    slippage_ticks: Annotated[int, at_least(0, "against us, MARKET and STOP orders")] = 1
    participation_max_ratio: Annotated[
        Decimal, ratio("of a bar's volume that one order may take; the rest fills later")
    ] = D("0.10")


class Strategy(Section, frozen=True, kw_only=True):
    """[[strategies]]: one that runs; a file in the folder that is not named here stays disabled."""

    name: Annotated[str, name("vwap_reversion, dip_buyer, or the name of your file")]
    instrument: Annotated[str, symbol_of("what it trades")]
    enabled: bool = True
    parameters: Annotated[dict[str, Any], doc("its own; a wrong one is named at the start")] = (
        msgspec.field(default_factory=dict)
    )

    def __post_init__(self) -> None:
        """Parameters are numbers, texts or true and false; their names are the strategy's own."""
        super().__post_init__()
        for key, value in self.parameters.items():
            if not isinstance(value, Decimal | int | str):
                raise ValueError(  # noqa: TRY004 - it is the file's fault, told like the others
                    f"parameters.{key}: expected a number, a text, true or false"
                )
            if isinstance(value, Decimal) and not value.is_finite():
                raise ValueError(f"parameters.{key}: expected a finite number, found {value}")


KillWord = Literal["PAUSE", "FLATTEN", "EMERGENCY"]


class TriggersSection(Section, frozen=True, kw_only=True):
    """[triggers]: automated kills (KC-7), latched; `"none"` leaves it to the protection by name."""

    daily_loss: Annotated[
        KillWord | None, doc("the daily or weekly limit is lost; a person lifts it")
    ] = "PAUSE"
    drawdown: Annotated[
        KillWord | None, doc("the protection max_drawdown trips; a person lifts it")
    ] = "PAUSE"
    volatility: Annotated[KillWord | None, doc("the protection volatility_halt trips")] = None
    time_window: Annotated[KillWord | None, doc("the protection time_window trips")] = None
    reconciliation: Annotated[
        KillWord | None, doc("our books and the venue's differ too much (ST-3)")
    ] = "PAUSE"
    assertion: Annotated[KillWord | None, doc("an assertion of WD-5 does not hold")] = "PAUSE"
    heartbeat: Annotated[KillWord | None, doc("supervision gave the system up (WD-2)")] = "PAUSE"


class OperatorSection(Section, frozen=True, kw_only=True):
    """[operator]: the port for kills, controls, health and metrics."""

    host: Annotated[str, doc("loopback unless you say otherwise")] = "127.0.0.1"
    port: Annotated[int, at_least(0, "0 takes a free one; it stands in operator.json")] = 0


class WatchdogSection(Section, frozen=True, kw_only=True):
    """[watchdog]: when silence is a fault (WD-2)."""

    heartbeat_s: Annotated[int, above(0, "each actor answers within this")] = 5
    strategy_block_max_ms: Annotated[
        int, above(0, "a strategy that computes longer is stopped")
    ] = 50
    stall_max_ms: Annotated[int, above(0, "a lane that stands still longer ends the process")] = (
        1000
    )
    guard_silence_max_s: Annotated[
        int | None, above(0, "entries wait while no guard was seen for so long; none: go without")
    ] = None
    ntp_server: Annotated[
        str, doc("host of a time server, asked hourly in a live run; empty asks none (MD-3)")
    ] = ""
    clock_offset_warn_ms: Annotated[
        int, above(0, "a person is told when a clock is farther from ours")
    ] = 20
    clock_offset_max_ms: Annotated[int, above(0, "and nothing enters beyond this")] = 100


class BreakersSection(Section, frozen=True, kw_only=True):
    """[breakers]: when an endpoint of the venue takes no entries; exits are tried all the same."""

    latency_max_s: Annotated[int, above(0, "an answer that takes longer opens it (WD-3)")] = 5
    errors_max: Annotated[int, at_least(0, "more errors than this in the window open it")] = 3
    window_s: Annotated[int, above(0, "how far back errors count")] = 60
    open_s: Annotated[
        int, above(0, "open for this long, then one entry probes; doubled when that fails")
    ] = 60
    open_max_s: Annotated[int, above(0, "and never longer than this")] = 30 * 60

    def __post_init__(self) -> None:
        """The longest is not shorter than the first.

        Raises:
            ValueError: It is.
        """
        super().__post_init__()
        if self.open_max_s < self.open_s:
            raise ValueError(
                f"open_max_s: expected at least open_s ({self.open_s}), found {self.open_max_s}"
            )


class Config(Section, frozen=True, kw_only=True):
    """The whole configuration."""

    run: RunSection = RunSection()
    instruments: tuple[Instrument, ...]
    input: InputSection = InputSection()
    account: AccountSection = AccountSection()
    limits: LimitsSection = LimitsSection()
    protections: ProtectionsSection = ProtectionsSection()
    paper: PaperSection = PaperSection()
    strategies: tuple[Strategy, ...] = ()
    policies: Annotated[tuple[str, ...], doc("veto policies that are asked, by name (RK-16)")] = ()
    triggers: TriggersSection = TriggersSection()
    operator: OperatorSection = OperatorSection()
    watchdog: WatchdogSection = WatchdogSection()
    breakers: BreakersSection = BreakersSection()
    alerts: AlertsSection = AlertsSection()
    console: ConsoleSection = ConsoleSection()
    logs: LogsSection = LogsSection()
    retention: RetentionSection = RetentionSection()

    def instrument(self, symbol: str) -> Instrument:
        """The instrument of that symbol.

        Raises:
            KeyError: None has it.
        """
        for instrument in self.instruments:
            if instrument.symbol == symbol:
                return instrument
        raise KeyError(symbol)

    def digest(self) -> str:
        """SHA-256 in hex of every effective value; stands on the run in the record."""
        return sha256(msgspec.json.encode(self, order="sorted")).hexdigest()

    def account_json(self, mode: Mode | None = None, *, flight_max_ns: int = 0) -> bytes:
        """The account's part, as `AccountCore` reads it (AccountConfig in rust_core).

        Args:
            mode: The run's mode where the command line overrides the file's.
            flight_max_ns: The longest an order may be on its way to the venue (EX-6).
        """
        limits, account = self.limits, self.account
        enabled = [strategy.name for strategy in self.strategies if strategy.enabled]
        return orjson.dumps(
            {
                "mode": mode or self.run.mode,
                "account": self.run.account,
                "capital_1e8": to_1e8(account.capital_usd),
                "equity_source": "BROKER" if (mode or self.run.mode) is Mode.LIVE else "LEDGER",
                "balance_age_max_ns": account.balance_age_max_s * NS_PER_S,
                "entry_balance_age_max_ns": max(account.balance_cache_s, BALANCE_DUE_S) * NS_PER_S,
                "instruments": [_instrument_json(instrument) for instrument in self.instruments],
                "strategies": enabled,
                "limits": _limits_json(limits),
                "risk": {
                    "per_trade_1e8": to_1e8(limits.risk_per_trade_usd),
                    "unstopped_ratio_1e8": to_1e8(limits.unstopped_ratio or 0),
                },
                "protections": _protections_json(limits, self.protections),
                "entry_ttl_ns": account.entry_ttl_s * NS_PER_S,
                "entry_ttl_retry_at_market": account.entry_ttl_retry_at_market,
                "release_deadline_ns": account.release_deadline_s * NS_PER_S,
                "auto_flatten_before_close_ns": account.auto_flatten_before_close_s * NS_PER_S,
                "flatten_check_before_close_ns": account.flatten_check_before_close_s * NS_PER_S,
                "flight_max_ns": flight_max_ns,
                "reconcile": {
                    "missing_max": account.reconcile_missing_max,
                    "drift_max_ratio_1e8": to_1e8(account.reconcile_drift_max_ratio),
                    "kill_foreign_orders": account.kill_foreign_orders,
                },
                "emergency": "CLOSE" if account.emergency_closes_positions else "LEAVE",
            }
        )

    def paper_json(self) -> bytes:
        """The paper venue's part, as `PaperVenueBook` reads it (PaperConfig in rust_core)."""
        paper = self.paper
        return orjson.dumps(
            {
                "venue": "paper",
                "cash_1e8": to_1e8(self.account.capital_usd),
                "instruments": [
                    {
                        "symbol": instrument.symbol,
                        "tick_1e8": to_1e8(instrument.tick_size),
                        "lot_1e8": to_1e8(instrument.lot),
                        "multiplier_1e8": to_1e8(instrument.multiplier),
                    }
                    for instrument in self.instruments
                ],
                "slippage_ticks": paper.slippage_ticks,
                "participation_ratio_1e8": to_1e8(paper.participation_max_ratio),
                "fees": {
                    "per_unit_1e8": to_1e8(paper.fee_per_unit_usd),
                    "ratio_1e8": to_1e8(paper.fee_ratio),
                    "minimum_1e8": to_1e8(paper.fee_min_usd),
                },
                "ended_orders_max": _VENUE_ENDED_ORDERS,
            }
        )


def _instrument_json(instrument: Instrument) -> dict[str, Any]:
    lot_1e8 = to_1e8(instrument.lot)
    qty_min = instrument.qty_min
    return {
        "symbol": instrument.symbol,
        "kind": instrument.kind,
        "tick_1e8": to_1e8(instrument.tick_size),
        "lot_1e8": lot_1e8,
        "min_qty_1e8": lot_1e8 if qty_min is None else to_1e8(qty_min),
        "multiplier_1e8": to_1e8(instrument.multiplier),
        "fractional": instrument.lot < 1,
    }


def _limits_json(limits: LimitsSection) -> dict[str, int]:
    return {
        "position_notional_max_1e8": to_1e8(limits.position_notional_max_usd),
        "position_qty_max_1e8": to_1e8(limits.position_qty_max or 0),
        "positions_per_instrument_max": limits.positions_per_instrument_max,
        "positions_max": limits.positions_max,
        "entries_per_window_max": limits.entries_per_window_max,
        "entry_window_ns": limits.entry_window_s * NS_PER_S,
        "entries_per_session_max": limits.entries_per_session_max or 0,
        "exposure_max_ratio_1e8": to_1e8(limits.exposure_max_ratio),
        "collar_ratio_1e8": to_1e8(limits.collar_ratio),
        "reference_age_max_ns": (limits.reference_age_max_s or 0) * NS_PER_S,
    }


def _protections_json(limits: LimitsSection, protections: ProtectionsSection) -> dict[str, Any]:
    weekly = limits.weekly_loss_max_usd
    loss = {
        "daily_loss": {"enabled": True, "limit_1e8": to_1e8(limits.daily_loss_max_usd)},
        "weekly_loss": {"enabled": False}
        if weekly is None
        else {"enabled": True, "limit_1e8": to_1e8(weekly)},
    }
    return {key: _core_json(getattr(protections, key)) for key in _names(protections)} | loss


def _core_json(section: Section) -> dict[str, Any]:
    """A section under the core's names: `_s` becomes `_ns`, a ratio becomes `_1e8`."""
    values: dict[str, Any] = {}
    for key in _names(section):
        value = getattr(section, key)
        if isinstance(value, Decimal):
            values[_CORE_NAMES.get(key, key) + "_1e8"] = to_1e8(value)
        elif key.endswith("_s"):
            values[key.removesuffix("_s") + "_ns"] = value * NS_PER_S
        elif isinstance(value, tuple):
            values[key] = [_core_json(item) for item in value]
        else:
            values[key] = value
    return values


_CORE_NAMES = {
    "drawdown_max_ratio": "ratio",
    "deviation_max_ratio": "threshold_ratio",
    "peak_min_usd": "peak_min",
}


def _names(section: Section) -> tuple[str, ...]:
    return section.__struct_fields__
