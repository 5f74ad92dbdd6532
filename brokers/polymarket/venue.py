"""One wallet at Polymarket as the adapter drives it.

An order's hash is its id, so a look-up asks for exactly the order that was signed. Only orders that
work are listed: what became of one that is gone is read from the trades, and told only when it has
been gone for longer than a trade takes to be listed.
"""

import asyncio
import contextlib
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Final

import msgspec

from brokers.backoff import Backoff
from brokers.base import (
    AlreadyFinal,
    CancelOutcome,
    CancelRequested,
    CannotPrepareError,
    Capabilities,
    LookedUp,
    Prepared,
    Refused,
    SendOutcome,
    Sent,
    Stated,
    StreamDown,
    StreamNews,
    StreamUp,
    Unanswered,
    Unknown,
    VenueAnswer,
)
from brokers.calls import CALL_ERRORS, OK
from brokers.http_wire import Response
from brokers.limiter import Priority
from brokers.polymarket import reports
from brokers.polymarket.emergency import cancel_named
from brokers.polymarket.hearing import Hearing
from brokers.polymarket.mine import OurOrders
from brokers.polymarket.orders import CAPABILITIES, SignedPrepared, prepare
from brokers.polymarket.redemption import Redemptions
from brokers.polymarket.reports import Mine
from brokers.polymarket.reports import Part as Filled
from brokers.polymarket.rest import Rest, problem_in
from brokers.polymarket.statement import DAY_NS, Statement
from brokers.polymarket.stream import ChannelSocket, Event
from brokers.polymarket.words import (
    Order,
    Taken,
    Trade,
    malformed,
    read,
)
from brokers.reading import MalformedError, unknown_status
from trading.ports import Part

USER_STREAM: Final = "polymarket user channel"
SETTLE_EVERY_S: Final = 5.0
"""How often trades that are not settled are asked for: the channel may be silent about them."""
READY_WAIT_S: Final = 1.0
NS: Final = 1_000_000_000
_DUPLICATED: Final = "duplicated"
_KILLED: Final = ("no orders found to match with fak order", "order couldn't be fully filled")
"""The order's own time in force ended it: nothing matched, or not all of it."""


class PolymarketVenue:
    """Implements `brokers.base.Venue`, with a dead-man switch and orders found by their intents.

    Args:
        rest: The calls.
        user_url: Where the user channel is.
        backoff: Between two connections of it.
        capabilities: What the venue offers.
    """

    def __init__(
        self,
        rest: Rest,
        *,
        user_url: str,
        backoff: Backoff,
        capabilities: Capabilities = CAPABILITIES,
    ) -> None:
        """Nothing is connected yet."""
        self.capabilities = capabilities
        self.rest = rest
        self.ours = OurOrders(self._prepared)
        self._user_url = user_url
        self._backoff = backoff
        self.hearing = Hearing(self.ours, rest.session.book)
        self.redemptions = Redemptions(rest)
        self._statement = Statement(rest, self.ours, self.hearing, self.redemptions)
        self._gone_ns: dict[str, int] = {}
        self.ours.forgot = self._forget

    # -- orders -----------------------------------------------------------------------------------

    def remember(self, intents: Callable[[], Iterable[bytes]]) -> None:
        """Where the intents of this run are."""
        self.ours.intents = intents

    def _forget(self, order_id: str) -> None:
        self.hearing.forget(order_id)
        self.redemptions.forget(order_id)
        self._gone_ns.pop(order_id, None)

    def prepare(self, intent: bytes) -> Prepared:
        """The exact request of an intent, signed; its hash is the venue's id of it."""
        order = self._prepared(intent)
        self.ours.prepared(order)
        return order

    def _prepared(self, intent: bytes) -> SignedPrepared:
        session = self.rest.session
        return prepare(intent, session.signer, session.book, session.owner)

    async def send(
        self, prepared: Prepared, release: Callable[[], None], *, is_entry: bool
    ) -> SendOutcome:
        """Hand the bytes over once; see `Venue.send`.

        Raises:
            CannotPrepareError: The tick changed since it was prepared; nothing was sent.
        """
        if not isinstance(prepared, SignedPrepared):
            raise TypeError("expected an order that this venue prepared")
        order = prepared

        def released() -> None:
            rules = self.rest.session.book.get(order.token_id)
            if rules is None or rules.epoch != order.epoch:
                raise CannotPrepareError(
                    f"{order.client_order_id}: the tick changed since it was signed; it is decided "
                    "anew at the new one"
                )
            release()

        if self.redemptions.takes(order):
            release()
            return self.redemptions.claimed(self.ours.prepared(order))
        return await self.rest.post(
            order,
            released,
            lambda response: self.understand_answer(order, response),
            is_entry=is_entry,
        )

    def understand_answer(self, order: SignedPrepared, response: Response) -> SendOutcome:
        """What the answer to an order means; refusals come in three shapes (polymarket.md, 5)."""
        ours, answer = order.client_order_id, self.rest.said(response)
        if response.status == OK:
            try:
                return self._taken(order, read(response, Taken, "POST order"), answer)
            except MalformedError as error:
                return Unknown(client_order_id=ours, cause=str(error))
        text = problem_in(response.body)
        if (found := self._told(order, answer, text)) is not None:
            return found
        if not text:
            cause = f"HTTP {response.status}, not in the venue's own words: {answer.text}"
            return Unknown(client_order_id=ours, cause=cause[:300])
        try:
            return Refused(client_order_id=ours, answer=answer)
        except ValueError as error:
            return Unknown(client_order_id=ours, cause=f"{error}: {answer.text}"[:300])

    def _taken(self, order: SignedPrepared, taken: Taken, answer: VenueAnswer) -> SendOutcome:
        ours, text, order_id = order.client_order_id, taken.error_msg or "", taken.order_id or ""
        if (found := self._told(order, answer, text)) is not None:
            return found
        if taken.success and not text and not order_id:
            return Unknown(client_order_id=ours, cause="success without an order id")
        if not taken.success or text or not order_id:
            refusal = replace(answer, text=text or "refused", lists_errors=True)
            return Refused(client_order_id=ours, answer=refusal)
        if order_id.lower() != order.venue_id:
            cause = f"the venue calls it {order_id[:70]}; {order.venue_id} was signed"
            return Unknown(client_order_id=ours, cause=cause)
        mine = self.ours.prepared(order)
        self.ours.accept(mine)
        is_resting = taken.status.lower() in ("live", "delayed")
        told = (reports.accepted(mine, answer.at_ns),) if is_resting else ()  # else it is looked up
        return Sent(client_order_id=ours, broker_order_id=order.venue_id, reports=told)

    def _told(self, order: SignedPrepared, answer: VenueAnswer, text: str) -> SendOutcome | None:
        """What a text says of an order that the venue has or had; None when it had none.

        One that its time in force ended without a match is cancelled, not refused: the user's
        channel tells of the same end as a cancellation, before or after this answer.
        """
        mine = self.ours.prepared(order)
        told = reports.NOTHING
        if any(words in text.lower() for words in _KILLED):
            self.ours.accept(mine)
            told = (
                reports.accepted(mine, answer.at_ns),
                reports.ended(mine, "CANCELLED", answer.at_ns, text),
            )
        elif _DUPLICATED not in text.lower():
            return None
        return Sent(
            client_order_id=order.client_order_id, broker_order_id=order.venue_id, reports=told
        )

    async def cancel(
        self, client_order_id: str, broker_order_id: str, allow: Callable[[], None]
    ) -> CancelOutcome:
        """Ask for a cancel; the hash is known even where the venue never answered."""
        mine = self.ours.by_id(client_order_id)
        order_id = broker_order_id or ("" if mine is None else mine.order_id)
        if not order_id:
            return AlreadyFinal(hint="no journal has its intent, so it was never signed")
        try:
            await self.rest.sign_in()
            answer = await self.rest.cancel(order_id, allow)
        except CALL_ERRORS as error:
            return Unanswered(cause=str(error))
        if order_id in answer.canceled:
            return CancelRequested()
        return AlreadyFinal(hint=answer.not_canceled.get(order_id, "named in neither list"))

    async def cancel_all(
        self, client_order_ids: frozenset[str], allow: Callable[[], None]
    ) -> frozenset[str]:
        """Ask for a cancel of these, named in parts; those of them whose cancel was taken."""
        named = {name: self.ours.by_id(name) for name in sorted(client_order_ids)}
        hashes = {mine.order_id: name for name, mine in named.items() if mine is not None}
        with contextlib.suppress(*CALL_ERRORS):
            await self.rest.sign_in()
        taken = await cancel_named(self.rest, list(hashes), allow)
        return frozenset(hashes[order_id] for order_id in taken if order_id in hashes)

    async def beat(self) -> str:
        """One heartbeat; why it was not acknowledged, empty when it was (KC-10)."""
        try:
            await self.rest.sign_in()
            await self.rest.beat()
        except CALL_ERRORS as error:
            return str(error)
        return ""

    # -- questions --------------------------------------------------------------------------------

    async def look_up(self, client_order_id: str, broker_order_id: str = "") -> LookedUp:
        """All that the venue says of one order, from the list and from the trades.

        With the venue's id it had acknowledged the order, perhaps before a restart.
        """
        try:
            await self._ready()
            mine = self.ours.by_id(client_order_id)
            if mine is None:
                problem = "no journal has its intent, so its hash is not known"
                return LookedUp(client_order_id=client_order_id, reports=None, problem=problem)
            if broker_order_id:
                self.ours.accept(mine)
            if self.redemptions.is_claimed(mine):
                return await self.redemptions.looked_up(mine)
            found = await self._looked_up(mine)
            has_trace = found.reports is not None or bool(found.problem)
            if not has_trace and self.redemptions.may_take(mine):
                found = await self.redemptions.looked_up(mine)
        except CALL_ERRORS as error:
            return LookedUp(client_order_id=client_order_id, reports=None, problem=str(error))
        return found

    async def _looked_up(self, mine: Mine) -> LookedUp:
        order = await self.rest.order(mine.order_id)
        if order is not None:
            self.ours.accept(mine)
            if not reports.is_known(order.word):
                problem = unknown_status(order.word)
                return replace(_open(mine, problem), is_in_doubt=True)
            if order.word in reports.LIVE and not reports.matched_1e8(order, mine):
                self._gone_ns.pop(mine.order_id, None)
                accepted = reports.accepted(mine, order.at_ns)
                return LookedUp(client_order_id=mine.ours, reports=(accepted,))
        trades = await self.rest.trades(
            self.rest.now_ns() - DAY_NS, token_id=mine.token_id, priority=Priority.LOOK_UP
        )
        filled = [(trade, part) for trade in trades if (part := reports.part_of(trade, mine))]
        return self._weighed(mine, order, filled)

    def _weighed(
        self, mine: Mine, order: Order | None, filled: list[tuple[Trade, Filled]]
    ) -> LookedUp:
        """From the list and the trades; what contradicts itself, or may still come, is no end."""
        executed_1e8 = sum(part.qty_1e8 for _, part in filled)
        is_whole = executed_1e8 >= mine.qty_1e8 - reports.DUST_1E8
        if order is None and not filled and not self.ours.was_accepted(mine):
            return LookedUp(client_order_id=mine.ours, reports=None)
        at_ns = self.rest.now_ns() if order is None else order.at_ns
        told = [reports.accepted(mine, at_ns)]
        told += [self.hearing.fill(trade, part) for trade, part in filled]
        if order is not None:
            is_matched = order.word == reports.MATCHED
            expected_1e8 = reports.matched_1e8(order, mine)
            if executed_1e8 < expected_1e8 or (is_matched and not is_whole):
                return _open(mine, "its trades are not listed yet")
            end, reason = reports.end_of(order.word, was_live=True), order.status
            is_over = bool(end) or is_matched
        else:
            is_over = is_whole or self._is_gone_long(mine)
            end, reason = ("CANCELLED", "the venue does not list it any more")
            if not is_over and not filled:
                return _open(mine, "it is not listed any more; its trades may follow")
        if is_over and executed_1e8 < mine.qty_1e8:
            told.append(reports.ended(mine, end or "CANCELLED", at_ns, reason or "dust is left"))
        return LookedUp(client_order_id=mine.ours, reports=tuple(told))

    def _is_gone_long(self, mine: Mine) -> bool:
        """Trades follow an order that is gone within the longest flight."""
        now_ns = self.rest.now_ns()
        since_ns = self._gone_ns.setdefault(mine.order_id, now_ns)
        return now_ns - since_ns >= self.capabilities.flight_max_ns

    async def state(
        self,
        question: int,
        parts: frozenset[Part],
        fills_after_ns: int,
        *,
        is_urgent: bool = False,
    ) -> Stated:
        """The venue's own account; all that was asked for, or a problem."""
        goes = Priority.EXIT if is_urgent else Priority.POLL
        try:
            await self._ready()
            told = self._statement
            orders = await told.orders(goes) if Part.ORDERS in parts else None
            held = await told.positions(goes) if Part.POSITIONS in parts else None
            return Stated(
                question=question,
                orders=orders,
                positions=None if held is None else held.positions,
                positions_of=None if held is None else held.of,
                cash=await told.cash() if Part.CASH in parts else None,
                fills=await told.fills(fills_after_ns, goes) if Part.FILLS in parts else None,
            )
        except CALL_ERRORS as error:
            return Stated(question=question, problem=str(error))

    # -- the user channel -------------------------------------------------------------------------

    async def listen(self, hear: Callable[[StreamNews], None]) -> None:
        """Follow the user channel, and the settlement of trades, until cancelled."""
        await self._until_ready(hear)
        channel = ChannelSocket(
            url=self._user_url,
            ask=self._subscription,
            up=lambda: hear(StreamUp(stream=USER_STREAM)),
            down=lambda cause: hear(StreamDown(stream=USER_STREAM, cause=cause)),
            take=lambda events: self._take(events, hear),
            backoff=self._backoff,
        )
        settling = asyncio.create_task(self._follow_settlement(hear))
        try:
            await channel.follow()
        finally:
            settling.cancel()
            await asyncio.gather(settling, return_exceptions=True)

    async def _until_ready(self, hear: Callable[[StreamNews], None]) -> None:
        while True:
            try:
                await self._ready()
            except CALL_ERRORS as error:
                hear(StreamDown(stream=USER_STREAM, cause=str(error)))
                await asyncio.sleep(READY_WAIT_S)
            else:
                return

    async def _ready(self) -> None:
        await self.rest.sign_in()
        await self.rest.learn()

    async def _subscription(self) -> Event:
        await self.rest.sign_in()
        keys = self.rest.session.keys
        if keys is None:
            raise malformed("user channel", "keys")
        return {"type": "user", "auth": msgspec.to_builtins(keys)}

    def _take(
        self, events: Iterable[Event], hear: Callable[[StreamNews], None]
    ) -> tuple[Event, ...]:
        for event in events:
            for news in self.hearing.understand(event):
                hear(news)
        return ()

    async def _follow_settlement(self, hear: Callable[[StreamNews], None]) -> None:
        """Ask for trades that are not settled: nothing is replayed, and channels go silent."""
        while True:
            await asyncio.sleep(SETTLE_EVERY_S)
            if not self.hearing.unsettled:
                continue
            try:
                oldest_ns = min(self.hearing.unsettled.values())
                trades = await self.rest.trades(max(oldest_ns - NS, 0))
            except CALL_ERRORS:
                continue  # asked again soon; the breaker of the endpoint knows
            for trade in trades:
                if trade.id in self.hearing.unsettled and trade.word not in reports.PENDING:
                    for news in self.hearing.trade_event(trade):
                        hear(news)

    async def close(self) -> None:
        """Let every connection go."""
        self.rest.close()


def _open(mine: Mine, problem: str) -> LookedUp:
    """Nothing was learned."""
    return LookedUp(client_order_id=mine.ours, reports=None, problem=problem)
