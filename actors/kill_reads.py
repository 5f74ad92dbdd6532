"""The venue's own lists under a kill: read until two in a row show nothing of ours (KC-2)."""

from collections.abc import Callable

from actors.account_plan import AccountPlan, Deadline
from actors.messages import FlatReadDue
from actors.questions import ANSWER_DUE_NS, OPEN, Why
from rust_core import AccountCore, Judgement, Message

FLAT_READ_NS = 1_000_000_000
"""How long after a read of the venue's lists that was not clean they are read again (KC-2)."""
CLEAN_READS = 2
"""Clean reads in a row that end a kill (KC-2)."""


class KillReads:
    """Reads the lists while a kill closes. Lives as long as its incarnation of the account.

    Args:
        plan: The account's.
        core: Its core.
        now_ns: The lane's clock.
        at: Mails a message to the account at a time, if the incarnation still lives then.
        decide: Has the core decide on a message.
    """

    def __init__(
        self,
        plan: AccountPlan,
        core: AccountCore,
        *,
        now_ns: Callable[[], int],
        at: Callable[[int, object], Deadline],
        decide: Callable[[Message], object],
    ) -> None:
        """Nothing was read."""
        self._plan = plan
        self._core = core
        self._now_ns = now_ns
        self._at = at
        self._decide = decide
        self._clean = 0
        self._due: Deadline | None = None
        self._survivors = (0, 0)

    def check(self) -> None:
        """Once the books say that a kill is through, have the venue say so."""
        if self._core.account().kill_remaining == 0:
            self.read()

    def read(self) -> None:
        """Ask for the venue's own lists: what our books do not know is cancelled too (KC-2)."""
        plan, now_ns = self._plan, self._now_ns()
        if self._core.is_flattening and not plan.questions.waits(Why.KILL, now_ns):
            plan.questions.ask(plan.broker, self._core, Why.KILL, OPEN, now_ns=now_ns)
            self._again_in(ANSWER_DUE_NS)

    def _again_in(self, wait_ns: int) -> None:
        """One timer at a time; the newest counts."""
        if self._due is not None:
            self._due.cancel()
        self._due = self._at(self._now_ns() + wait_ns, FlatReadDue())

    def stated(self, judgement: Judgement | None) -> None:
        """Two clean reads in a row end a kill; anything else is read again a little later.

        A list that our books have overtaken meanwhile says nothing against them: it is read anew.
        """
        if not self._core.is_flattening:
            return
        found = None if judgement is None else (judgement.kill_orders, judgement.kill_positions)
        self._clean = self._clean + 1 if found == (0, 0) else 0
        if self._clean == CLEAN_READS:
            self._clean = 0
            self._decide(Message.venue_flat(0, 0))
        if self._clean:
            self.read()
        elif self._core.is_flattening:
            is_overtaken = judgement is not None and judgement.is_kill_overtaken
            if not is_overtaken:
                self._alarm(found)
            is_done = self._core.account().kill_remaining == 0
            self._again_in(0 if is_overtaken and is_done else FLAT_READ_NS)

    def _alarm(self, found: tuple[int, int] | None) -> None:
        """What only the venue still has is told of, once for each count."""
        if found is None or found == self._survivors:
            return
        if self._core.account().kill_remaining == 0:
            self._survivors = found
            self._decide(Message.venue_flat(*found))
