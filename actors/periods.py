"""How long a running system waits for what; a replay runs through event time in no time."""

from typing import Final

SECOND_NS: Final = 1_000_000_000
ANSWER_WAIT_NS: Final = 5 * SECOND_NS  # EX-6
POLL_LIVE_NS: Final = 5 * SECOND_NS  # EX-6
POLL_VIRTUAL_NS: Final = 300 * SECOND_NS  # the paper venue of a replay loses nothing
CANCEL_RETRY_NS: Final = SECOND_NS
SWEEP_LIVE_NS: Final = 30 * SECOND_NS  # ST-4
SWEEP_VIRTUAL_NS: Final = 1_800 * SECOND_NS
CHECK_LIVE_NS: Final = SECOND_NS  # WD-5
CHECK_VIRTUAL_NS: Final = 300 * SECOND_NS
SUBMISSIONS_MAX: Final = 10
"""Orders that may wait to leave before no further signal is passed on (WD-4)."""
AGE_SWEEPS: Final = 3
"""A comparison with the venue, or a beat, may be this many periods old."""
POSITION_CHECK_NS: Final = 60 * SECOND_NS
KILL_TIMEOUT_VIRTUAL_NS: Final = 1_800 * SECOND_NS  # longer than the longest market-wide halt
WATCH_VIRTUAL_NS: Final = 60 * SECOND_NS  # of event time, which a replay runs through in no time
KILL_TIMEOUT_LIVE_NS: Final = 60 * SECOND_NS
STRATEGY_PERIOD_NS: Final = 300 * SECOND_NS
"""Crashes of one strategy are counted over this: it is mostly asked once a minute."""
