"""The simulated bank: outside the shop, the same for every architecture, with a ledger of its own that lasts.

    POST /charges {payment_id, order_id, amount, card}       -> {accepted, reference, reason}
    POST /refunds {refund_id, payment_id, amount}            -> {accepted, reference, reason}
    GET  /ledger                                             -> [{payment_id, order_id, amount, kind}]
    PUT  /behaviour {delay, capacity, failure_rate, down}    -> the same
    GET  /busy                                               -> {inside, waiting}

A payment's id is charged once, and a refund's given back once: asked again, the answer is that of the first time. Only
a heron goes through; see `domain.cards`. A payment that a refund is asked for before it was charged never will be.
"""

import asyncio
import random
from decimal import Decimal
from typing import Any, Final

import msgspec
from starlette.routing import BaseRoute, Route

from headwater.http.problems import Fault
from headwater_shop.domain.cards import card_of
from headwater_shop.parts.answering import Answer, Asked, route
from headwater_shop.parts.bench import Bench
from headwater_shop.parts.database import Connection, Database

TABLES: Final = (
    "CREATE TABLE IF NOT EXISTS answer (id TEXT PRIMARY KEY, order_id TEXT NOT NULL, reference TEXT NOT NULL, "
    "reason TEXT NOT NULL)",
    "CREATE TABLE IF NOT EXISTS movement (reference TEXT PRIMARY KEY, payment_id TEXT NOT NULL, "
    "order_id TEXT NOT NULL, amount TEXT NOT NULL, kind TEXT NOT NULL)",
)
SEED: Final = 1
QUEUE: Final = 2_000
WITHIN: Final = 60.0


class Behaviour(msgspec.Struct, frozen=True):
    """`delay`: seconds for each answer; `capacity`: so many at once, the rest queue (0: no limit); `failure_rate`: a
    share of payments that is declined, from 0 to 1; `down`: answers 503."""

    delay: float = 0.0
    capacity: int = 0
    failure_rate: float = 0.0
    down: bool = False


class _Charge(msgspec.Struct):
    payment_id: str
    order_id: str
    amount: Decimal
    card: str = "heron"


class _Refund(msgspec.Struct):
    refund_id: str
    payment_id: str
    amount: Decimal


async def make(bench: Bench) -> list[BaseRoute]:
    """The service. It begins without any trouble; how it is to behave is asked for while it runs."""
    return [*Bank(await bench.database(TABLES)).routes()]


class Bank:
    """Takes money and gives it back."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._behaviour = Behaviour()
        self._inside = self._queue = 0
        self._moved = asyncio.Condition()

    def routes(self) -> list[Route]:
        """What it answers."""
        return [
            route("POST", "/charges", self.charge, within=WITHIN),
            route("POST", "/refunds", self.refund, within=WITHIN),
            route("GET", "/ledger", self.ledger),
            route("PUT", "/behaviour", self.behave),
            route("GET", "/busy", self.busy),
        ]

    async def charge(self, asked: Asked) -> Answer:
        wanted = asked.content(_Charge)
        await self._take_its_time()
        reason = self._refusal(wanted)
        return 200, await self._database.change(lambda on: _charged(on, wanted, reason))

    async def refund(self, asked: Asked) -> Answer:
        wanted = asked.content(_Refund)
        await self._take_its_time()
        return 200, await self._database.change(lambda on: _refunded(on, wanted))

    async def ledger(self, _asked: Asked) -> Answer:
        sql = "SELECT payment_id, order_id, amount, kind FROM movement ORDER BY order_id, payment_id, kind, reference"
        return 200, [dict(row) for row in await self._database.read(lambda on: on.rows(sql))]

    async def behave(self, asked: Asked) -> Answer:
        self._behaviour = asked.content(Behaviour)
        async with self._moved:
            self._moved.notify_all()
        return 200, self._behaviour

    async def busy(self, _asked: Asked) -> Answer:
        return 200, {"inside": self._inside, "waiting": self._queue}

    async def _take_its_time(self) -> None:
        """Raises Fault while the bank is down, or its queue is full."""
        if self._behaviour.down or self._queue >= QUEUE:
            raise Fault(503, "down", "the bank is closed")
        self._queue += 1
        try:
            async with self._moved:
                await self._moved.wait_for(self._has_room)
                self._inside += 1
        finally:
            self._queue -= 1
        try:
            await asyncio.sleep(self._behaviour.delay)
        finally:
            self._inside -= 1
            async with self._moved:
                self._moved.notify()

    def _has_room(self) -> bool:
        return not self._behaviour.capacity or self._inside < self._behaviour.capacity

    def _refusal(self, wanted: _Charge) -> str:
        card = card_of(wanted.card)
        if card is None:
            return "the bank does not know this card"
        by_chance = random.Random(f"{SEED}:{wanted.payment_id}").random() < self._behaviour.failure_rate
        return card.refusal or ("the bank declined the payment" if by_chance else "")


def _charged(on: Connection, wanted: _Charge, reason: str) -> dict[str, Any]:
    return _answer(on, wanted.payment_id) or _booked(
        on, wanted.payment_id, wanted, order_id=wanted.order_id, amount=wanted.amount, reason=reason
    )


def _refunded(on: Connection, wanted: _Refund) -> dict[str, Any]:
    if (before := _answer(on, wanted.refund_id)) is not None:
        return before
    paid = on.rows("SELECT order_id FROM movement WHERE payment_id = ? AND kind = 'charge'", wanted.payment_id)
    if not paid:
        called_off = _Charge(wanted.payment_id, "", wanted.amount)
        _answer(on, wanted.payment_id) or _booked(
            on, wanted.payment_id, called_off, order_id="", amount=wanted.amount, reason="the payment was called off"
        )
    order_id = paid[0]["order_id"] if paid else ""
    reason = "" if paid else "there is nothing to give back"
    return _booked(on, wanted.refund_id, wanted, order_id=order_id, amount=-wanted.amount, reason=reason)


def _answer(on: Connection, id: str) -> dict[str, Any] | None:
    """The answer to what was asked under that id before."""
    rows = on.rows("SELECT reference, reason FROM answer WHERE id = ?", id)
    return {"accepted": not rows[0]["reason"], **dict(rows[0])} if rows else None


def _booked(
    on: Connection, id: str, wanted: _Charge | _Refund, *, order_id: str, amount: Decimal, reason: str
) -> dict[str, Any]:
    """Answer for the first time; without a `reason` not to, the money moves."""
    reference = "" if reason else f"bank-{id}"
    on.run("INSERT INTO answer VALUES (?, ?, ?, ?)", id, order_id, reference, reason)
    if not reason:
        kind = "charge" if isinstance(wanted, _Charge) else "refund"
        on.run("INSERT INTO movement VALUES (?, ?, ?, ?, ?)", reference, wanted.payment_id, order_id, str(amount), kind)
    return {"accepted": not reason, "reference": reference, "reason": reason}
