"""What is promised, by its name, and how long each promise has to come true.

Each is looked at by one of the judges (`judge`, `judge_kills`, `judge_books`); a finding bears its
name.
"""

from actors.periods import KILL_TIMEOUT_LIVE_NS
from research.simulation.world import SECOND_NS

PROTECTED = "every position is protected"
LEFT_OVER = "/over-"
"""Marks a position that a late fill or a reversal left over (PX-1)."""
INVARIANTS = (
    "one venue order per intent",
    "one entry per setup instance",
    "no order without a durable intent",
    "nothing that adds risk leaves after a kill is acknowledged",
    "nothing leaves a fenced process",
    "no entry beside an UNKNOWN order",
    "limits hold with UNKNOWN counted as filled",
    "limits hold at the venue",
    "an exit takes no more than is held",
    PROTECTED,
    "no timer of a dead incarnation acts",
    "our book equals the venue's",
    "journal, projections and cores agree",
    "every order reaches its end",
    "a kill that is through left nothing",
    "a kill is carried out",
    "nothing is held over the close",
    "outcomes are told in order",
    "an entry does not outlive its time",
    "a stop that was passed is acted on",
    "no order rests on a price that was never made",
    "our own assertions hold",
    "it trades again once the world has healed",
    "nothing crashed that nobody harmed",
)

LIVE = ("PENDING", "SUBMITTED", "WORKING", "PARTIALLY_FILLED", "UNKNOWN")
PRICED = ("STOP_LOSS", "TAKE_PROFIT", "TRAILING", "TARGET_1", "TARGET_2")
"""Exits that a price decides; a kill or a time takes whatever price was last."""
PRICES_KEPT_NS = 180 * SECOND_NS
SETTLED_AFTER_NS = 150 * SECOND_NS
"""What must follow, follows by then when nothing goes wrong any more: an order in doubt is proven
absent by two look-ups a flight apart, 72 s with its first waits, and two may be in doubt."""
BARE_MAX_NS = 45 * SECOND_NS
"""A position that neither stop nor waiver protects is found, and being closed, by then (PX-8): the
sweep of the books every 30 s, and its question asked twice while answers are lost."""
STOPPED_AFTER_NS = 40 * SECOND_NS
"""From a price beyond a stop to its exit, once nothing goes wrong: the exit before it may have come
to nothing, and is decided anew after a wait that doubles up to half a minute by then."""
CANCELLED_AFTER_NS = 45 * SECOND_NS
"""A cancel that is lost is asked for again after 1, 2, 4, 8 and 16 s (EX-8)."""
ACTED_AFTER_NS = 5 * SECOND_NS
"""A kill's exits are decided with its own commit; a slow disk and a restart of the account fit."""
LEFT_AFTER_NS = 80 * SECOND_NS
"""What a kill closes, and what was left over, has an exit under way but for the wait behind one
that failed, a minute at most, and an account that is being rebuilt."""
HELD_AFTER_NS = 5 * SECOND_NS
"""What the gate held back has ended in our books by then: its own process knows of it."""
ANSWERED_AFTER_NS = KILL_TIMEOUT_LIVE_NS + 8 * SECOND_NS
"""By then a kill has said what came of it, whatever remains (KC-2)."""
TRADES_AGAIN_NS = 60 * SECOND_NS
"""What a breaker needs to be probed, by the next sweep, and a strategy to ask once more."""
TOLD_AFTER_NS = 240 * SECOND_NS
"""By then we must have learned what the venue did unasked: a late fill, a fill taken back. An order
in doubt takes over a minute, and books are compared when nothing is."""
