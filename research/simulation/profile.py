"""The configuration of a simulated trader: rails wide enough to trade all day."""

from trading.config import Config
from trading.config_reader import parse

_TEXT = """
[run]
account = "main"
[[instruments]]
symbol = "ES"
kind = "FUTURE"
tick_size = 0.25
lot = 1
multiplier = 50
[account]
capital_usd = 10000000
entry_ttl_s = 23
release_deadline_s = 5
auto_flatten_before_close_s = 300
flatten_check_before_close_s = 60
[limits]
risk_per_trade_usd = 100000
daily_loss_max_usd = 5000000
weekly_loss_max_usd = 9000000
position_notional_max_usd = 9000000
position_qty_max = 10
exposure_max_ratio = 1
positions_per_instrument_max = 1
positions_max = 1
entries_per_window_max = 64
entry_window_s = 600
entries_per_session_max = "none"
collar_ratio = 0.05
reference_age_max_s = 30
unstopped_ratio = 0.01
[protections.stoploss_guard]
enabled = true
stop_outs = 50
cooldown_s = 20
[protections.max_drawdown]
enabled = true
drawdown_max_ratio = 0.9
window_s = 600
cooldown_s = 20
[protections.cooldown_period]
enabled = true
cooldown_s = 5
[protections.time_window]
enabled = true
windows = [{ from_min = 0, until_min = 29 }]
[protections.volatility_halt]
enabled = true
sample_s = 12
returns = 20
deviation_max_ratio = 0.5
cooldown_s = 20
[protections.throttle]
enabled = true
[triggers]
daily_loss = "none"
drawdown = "none"
[paper]
fee_per_unit_usd = 2.25
fee_min_usd = 0
fee_ratio = 0
slippage_ticks = 1
participation_max_ratio = 1
[[strategies]]
name = "busy"
instrument = "ES"
"""


def profile() -> Config:
    """The configuration of every simulated process."""
    return parse(_TEXT, "the simulation's profile", environment={})
