"""Orders: their data access in plain SQL; what happens to them is decided by the domain's rules, as everywhere."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final, assert_never

import msgspec

from headwater_shop.contract import PlacedOrder
from headwater_shop.domain import order, order_events
from headwater_shop.domain.order_events import Order
from headwater_shop.parts.database import Connection, Database, Row
from headwater_shop.parts.ports import Held
from headwater_shop.parts.steps import (
    Cancel,
    Decline,
    Dispatch,
    Expire,
    Pay,
    Place,
    Reserve,
    Settle,
    Step,
    TryAgain,
)

TABLES: Final = (
    "CREATE TABLE IF NOT EXISTS shop_order (order_id TEXT PRIMARY KEY, customer_id TEXT NOT NULL, "
    "status TEXT NOT NULL, reason TEXT NOT NULL DEFAULT '', card TEXT NOT NULL, placed_at TEXT NOT NULL, "
    "paid_at TEXT, dispatched_at TEXT, settled INTEGER NOT NULL DEFAULT 0, state TEXT NOT NULL)",
    "CREATE INDEX IF NOT EXISTS order_of_customer ON shop_order (customer_id, placed_at)",
    "CREATE INDEX IF NOT EXISTS order_by_need ON shop_order (settled, placed_at)",
)
LIMIT: Final = 100

_state_of = msgspec.json.Decoder(Order).decode
_encode = msgspec.json.encode


class Orders:
    """A Book in a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(self, order_id: str) -> Held | None:
        return await self._database.read(lambda on: find(on, order_id))

    async def order(self, order_id: str) -> PlacedOrder | None:
        held = await self.find(order_id)
        return None if held is None else held.order

    async def of_customer(self, customer_id: str) -> list[PlacedOrder]:
        return await self._database.read(lambda on: of_customer(on, customer_id))

    async def unfinished(self, before: datetime) -> list[Held]:
        return await self._database.read(lambda on: unfinished(on, before))

    async def take(self, order_id: str, *steps: Step) -> Held:
        return await self._database.change(lambda on: take(on, order_id, *steps))

    async def withdraw(self, order_id: str) -> None:
        await self._database.change(lambda on: withdraw(on, order_id))


# What is done within a transaction


def find(on: Connection, order_id: str) -> Held | None:
    rows = on.rows("SELECT * FROM shop_order WHERE order_id = ?", order_id)
    return _held(rows[0]) if rows else None


def of_customer(on: Connection, customer_id: str) -> list[PlacedOrder]:
    sql = "SELECT * FROM shop_order WHERE customer_id = ? ORDER BY placed_at DESC, order_id LIMIT ?"
    return [_held(row).order for row in on.rows(sql, customer_id, LIMIT)]


def unfinished(on: Connection, before: datetime) -> list[Held]:
    sql = (
        "SELECT * FROM shop_order WHERE settled = 0 AND status <> 'payment_failed' AND placed_at < ? "
        "ORDER BY placed_at LIMIT ?"
    )
    return [_held(row) for row in on.rows(sql, _text(before), LIMIT)]


def take(on: Connection, order_id: str, *steps: Step) -> Held:
    for step in steps:
        _take(on, order_id, step)
    held = find(on, order_id)
    assert held is not None
    return held


def withdraw(on: Connection, order_id: str) -> None:
    on.run("DELETE FROM shop_order WHERE order_id = ? AND status = 'placed'", order_id)


def _take(on: Connection, order_id: str, step: Step) -> None:
    state = _state(on, order_id)
    match step:
        case Place():
            _place(on, order_id, step, state)
        case Reserve():
            for line in state.placed.lines if state.placed else ():
                state = _done(on, state, order.ConfirmLine(order_id, line.stock_code, step.at))
            if state.placed is None:
                order.decide(order.ConfirmLine(order_id, "", step.at), state)  # says that there is none
        case Pay():
            _done(on, state, order.RecordPayment(order_id, step.payment_id, step.amount, step.at))
        case Decline():
            _done(on, state, order.RecordPaymentFailure(order_id, step.payment_id, step.reason, step.at))
        case TryAgain():
            _done(on, state, order.RetryPayment(order_id, step.at))
            on.run("UPDATE shop_order SET card = ? WHERE order_id = ?", step.card, order_id)
        case Dispatch():
            _done(on, state, order.DispatchOrder(order_id, step.at))
        case Cancel():
            _done(on, state, order.CancelOrder(order_id, step.reason, step.at))
        case Expire():
            _done(on, state, order.ExpireOrder(order_id, step.at))
        case Settle():
            on.run("UPDATE shop_order SET settled = 1 WHERE order_id = ? AND status = 'cancelled'", order_id)
        case _:
            assert_never(step)


def _place(on: Connection, order_id: str, step: Place, state: Order) -> None:
    wanted = step.wanted
    events = order.decide(placing(order_id, step), state)
    state = _folded(state, events)
    sql = "INSERT INTO shop_order (order_id, customer_id, status, placed_at, card, state) VALUES (?, ?, ?, ?, ?, ?)"
    placed_at, written = _text(step.at), _encode(state).decode()
    on.run(sql, order_id, wanted.customer_id, state.status.value, placed_at, wanted.card, written)


def placing(order_id: str, step: Place) -> order.PlaceOrder:
    """The domain's command for it."""
    wanted = step.wanted
    return order.PlaceOrder(
        order_id, wanted.customer_id, wanted.customer_name, wanted.address, wanted.lines, step.at
    )  # fmt: skip


def _state(on: Connection, order_id: str) -> Order:
    rows = on.rows("SELECT state FROM shop_order WHERE order_id = ?", order_id)
    return _state_of(rows[0]["state"]) if rows else Order()


def _done(on: Connection, state: Order, command: order.OrderCommand) -> Order:
    """The order once the rules have answered, and it is written down."""
    events = order.decide(command, state)
    state = _folded(state, events)
    if events:
        sql = "UPDATE shop_order SET status = ?, state = ? WHERE order_id = ?"
        on.run(sql, state.status.value, _encode(state).decode(), command.order_id)
    for event in events:
        _note(on, event)
    return state


def _folded(state: Order, events: Sequence[order_events.OrderEvent]) -> Order:
    for event in events:
        state = order_events.evolve(state, event)
    return state


def _note(on: Connection, event: order_events.OrderEvent) -> None:
    """What a page shows of it beside the status."""
    match event:
        case order_events.OrderPaid():
            sql, value = "UPDATE shop_order SET paid_at = ?, reason = '' WHERE order_id = ?", _text(event.at)
        case order_events.OrderDispatched():
            sql = "UPDATE shop_order SET dispatched_at = ?, settled = 1 WHERE order_id = ?"
            value = _text(event.at)
        case order_events.OrderCancelled() | order_events.PaymentFailed():
            sql, value = "UPDATE shop_order SET reason = ? WHERE order_id = ?", event.reason
        case _:
            return
    on.run(sql, value, event.order_id)


def _held(row: Row) -> Held:
    state = _state_of(row["state"])
    placed, status = state.placed, row["status"]
    assert placed is not None
    shown = PlacedOrder(
        row["order_id"], row["customer_id"], placed.customer_name, status, placed.lines, placed.total, placed.address,
        row["reason"], placed.at, _time(row["paid_at"]), _time(row["dispatched_at"]),
    )  # fmt: skip
    return Held(shown, state.payment_id, row["card"], bool(row["settled"]))


def _text(at: datetime) -> str:
    return at.isoformat(timespec="microseconds")  # of one length, so that texts are in the order of their times


def _time(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
