"""What a strategy asks for, until all others were heard and the broker's figures are here."""

from collections.abc import Callable

from actors.account_plan import AccountPlan, Deadline
from actors.conflicts import contradicted
from actors.messages import BalanceAgain, BalanceDue, CycleOver
from actors.questions import BALANCE, Why
from brokers.base import Stated
from rust_core import AccountCore, Message, Signal
from trading.config import BALANCE_DUE_S, NS_PER_S

BALANCE_AGAIN_NS = 500_000_000
"""How long after a question for the broker's figures that had no answer it is put again (EX-13)."""


class EntriesWaiting:
    """The way of a signal into the core. Lives as long as its incarnation of the account.

    Args:
        plan: The account's.
        core: Its core.
        now_ns: The lane's clock.
        tell: Mails a message to the account.
        at: Mails it at a time, if the incarnation still lives then.
        decide: Has the core decide on a message.
    """

    def __init__(
        self,
        plan: AccountPlan,
        core: AccountCore,
        *,
        now_ns: Callable[[], int],
        tell: Callable[[object], None],
        at: Callable[[int, object], Deadline],
        decide: Callable[[Message], object],
    ) -> None:
        """Nobody waits."""
        self._plan = plan
        self._core = core
        self._now_ns = now_ns
        self._tell = tell
        self._at = at
        self._decide = decide
        self._cycle: list[Signal] = []
        self._waiting: dict[int, tuple[Message, Deadline]] = {}
        self._asked_for: dict[int, int] = {}
        self._waits = 0

    def way_in(self) -> Callable[[Message], object]:
        """What a message passes first; nothing where one strategy trades on our own books."""
        if self._plan.is_shared:
            return self._collect
        return self._decide if self._plan.balance_cache_ns is None else self._weigh

    # -- strategies that contradict each other (PF-2) ----------------------------------------------

    def _collect(self, message: Message) -> None:
        """Hear everybody first: who was shown the same bar has his answer before in the mail."""
        signal = message.asked
        if signal is None:
            self._decide(message)
            return
        if not self._cycle:
            self._tell(CycleOver())
        self._cycle.append(signal)

    def resolve(self, _: CycleOver) -> None:
        """In the order of the strategies, each seeing what was decided before (PF-5)."""
        cycle, self._cycle = self._cycle, []
        for signal in contradicted(cycle):
            self._weigh(Message.signal(signal))

    # -- the broker's figure before an entry (EX-13) -----------------------------------------------

    def _weigh(self, message: Message) -> None:
        """What a strategy asks for waits until the broker said what may be spent."""
        now_ns, known_ns = self._now_ns(), self._core.balance_ns
        cache_ns = self._plan.balance_cache_ns
        is_fresh = known_ns is not None and 0 <= now_ns - known_ns < (cache_ns or 0)
        if cache_ns is None or is_fresh or message.asked is None:
            self._decide(message)
            return
        self._waits += 1
        due_ns = now_ns + BALANCE_DUE_S * NS_PER_S
        due = self._at(due_ns, BalanceDue(wait=self._waits))
        self._waiting[self._waits] = (message, due)
        self._ask(self._waits)

    def ask_again(self, again: BalanceAgain) -> None:
        """The question before had no answer."""
        self._ask(again.wait)

    def _ask(self, wait: int) -> None:
        plan, core = self._plan, self._core
        if wait in self._waiting:
            now_ns = self._now_ns()
            number = plan.questions.ask(plan.broker, core, Why.ENTRY, BALANCE, now_ns=now_ns)
            self._asked_for[number] = wait

    def stated(self, stated: Stated) -> None:
        """The broker has answered, or has not."""
        wait = self._asked_for.pop(stated.question)
        if stated.problem:
            self._at(self._now_ns() + BALANCE_AGAIN_NS, BalanceAgain(wait=wait))
        else:
            self._go_on(wait)

    def overdue(self, due: BalanceDue) -> None:
        """It has waited for long enough, and the gate finds what is known too old."""
        self._go_on(due.wait)

    def _go_on(self, wait: int) -> None:
        waiting = self._waiting.pop(wait, None)
        if waiting is not None:
            message, due = waiting
            due.cancel()
            self._decide(message)
