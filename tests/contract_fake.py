"""A shop behind the HTTP contract, in memory: no database and no bank, but the rules of the real one.

It can be `down`, it can lose answers, and where it is `later` it takes orders with a 202 and sees to them step by step,
one with each look at them.
"""

import operator
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from starlette.applications import Starlette
from starlette.routing import Mount

from headwater.errors import Rejected
from headwater.http.problems import Fault
from headwater_shop.contract import PAGE, PREFIX, Category, Checkout, Customer, Found, Item, NewCustomer, PlacedOrder
from headwater_shop.domain import customer, order, product
from headwater_shop.domain.cards import card_of
from headwater_shop.domain.order_events import Order, OrderEvent, evolve
from headwater_shop.domain.product import Product, ReservationRefused
from headwater_shop.domain.shared import Line
from headwater_shop.event_driven.views import OrderSummary, order_summary
from headwater_shop.event_services.front import Picked
from headwater_shop.event_services.standing import placed_order
from headwater_shop.parts.answering import Answer, Asked, missing, route
from headwater_shop.seed.catalogue import catalogue

BEGAN = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
SORTS: dict[str, tuple[Any, bool]] = {
    "popular": (lambda item: (bool(item.available), item.sold), True),
    "price": (operator.attrgetter("price"), False),
    "price-down": (operator.attrgetter("price"), True),
    "name": (lambda item: item.name.lower(), False),
}


def made_up_items() -> list[Item]:
    """The catalogue of the made-up year, with stock: some of it scarce, a little of it sold out."""
    return [
        Item(each.stock_code, each.name, each.category, each.price, (0, 4, 60, 240)[min(at % 25, 3)], 997 * at % 811)
        for at, each in enumerate(catalogue())
    ]


class FakeShop:
    """What the services of an architecture do together."""

    def __init__(self, architecture: str, items: Sequence[Item], *, later: bool = False) -> None:
        self.architecture = architecture
        self.later = later
        self.down = False
        self.losing = 0  # so many answers to checkouts
        self.asked: list[str] = []
        self.items = {item.stock_code: item for item in items}
        self.stock = {item.stock_code: Product(item.price, item.available) for item in items}
        self.customers: dict[str, Customer] = {}
        self.orders: dict[str, tuple[Order, OrderSummary]] = {}
        self.cards: dict[str, str] = {}
        self.at = BEGAN

    # -- the rules, in the order in which an order needs them

    def place(self, id: str, wanted: Checkout) -> None:
        self._do(
            id, order.PlaceOrder(id, wanted.customer_id, wanted.customer_name, wanted.address, wanted.lines, self.at)
        )

    def reserve(self, id: str) -> None:
        """All or nothing. Raises Rejected."""
        lines = self._lines(id)
        for line in lines:
            asked = product.ReserveStock(line.stock_code, id, line.quantity, line.unit_price, self.at)
            for event in self._stocked(asked):
                if isinstance(event, ReservationRefused):
                    self._release(id, lines)
                    raise Rejected(event.reason, event.code)
        for line in lines:
            self._do(id, order.ConfirmLine(id, line.stock_code, self.at))

    def charge(self, id: str) -> None:
        """The bank answers."""
        state, card = self.orders[id][0], card_of(self.cards[id])
        assert state.placed
        if card is None or card.refusal:
            reason = card.refusal if card else "there is no such card"
            self._do(id, order.RecordPaymentFailure(id, state.payment_id, reason, self.at))
        else:
            self._do(id, order.RecordPayment(id, state.payment_id, state.placed.total, self.at))

    def dispatch(self, id: str) -> None:
        self._do(id, order.DispatchOrder(id, self.at))
        for line in self._lines(id):
            self._stocked(product.ShipStock(line.stock_code, id, self.at))

    def cancel(self, id: str) -> None:
        self._do(id, order.CancelOrder(id, order.CUSTOMERS_WISH, self.at))
        self._release(id, self._lines(id))

    def step(self, id: str) -> None:
        """The next thing that an order waits for."""
        status = self.orders[id][0].status.value
        if status == "placed":
            try:
                self.reserve(id)
            except Rejected as no:
                self._do(id, order.RefuseLine(id, self._lines(id)[0].stock_code, no.code, no.reason, self.at))
        elif status == "payment_due":
            self.charge(id)
        elif status == "paid":
            self.dispatch(id)

    def _lines(self, id: str) -> Sequence[Line]:
        placed = self.orders[id][0].placed
        assert placed
        return placed.lines

    def _release(self, id: str, lines: Sequence[Line]) -> None:
        for line in lines:
            self._stocked(product.ReleaseStock(line.stock_code, id, self.at))

    def _stocked(self, command: product.ProductCommand) -> Sequence[Any]:
        before = self.stock.get(command.stock_code, Product())
        events = product.products.decide(command, before)
        for event in events:
            before = product.evolve(before, event)
            self.stock[command.stock_code] = before
        return events

    def _do(self, id: str, command: order.OrderCommand) -> None:
        self.at += timedelta(seconds=1)
        state, row = self.orders.get(id, (Order(), OrderSummary(id)))
        events: Sequence[OrderEvent] = order.orders.decide(command, state)
        for event in events:
            state = evolve(state, event)
            if event.__class__ in order_summary.events:
                row = order_summary.evolve(row, event)  # type: ignore[assignment,arg-type]
            self.orders[id] = state, row

    def standing(self, id: str) -> PlacedOrder:
        return placed_order(self.orders[id][1])

    def item(self, code: str) -> Item:
        item, stock = self.items[code], self.stock[code]
        assert stock.price
        available = None if stock.on_hand is None else stock.available
        return Item(code, item.name, item.category, stock.price, available, item.sold)

    def reprice(self, code: str, price: Decimal) -> None:
        self._stocked(product.RepriceProduct(code, price, self.at))

    def count(self, code: str, on_hand: int) -> None:
        self._stocked(product.CountStock(code, on_hand, self.at))


class Front:
    """The contract's addresses over a fake."""

    def __init__(self, shop: FakeShop) -> None:
        self._shop = shop

    def app(self, *more: Mount) -> Starlette:
        """The contract as an application, and what is mounted beside it."""
        orders, customers = f"{PREFIX}/orders/{{id}}", f"{PREFIX}/customers/{{id}}"
        table = [
            ("GET", f"{PREFIX}/categories", self.categories),
            ("GET", f"{PREFIX}/products", self.search),
            ("GET", f"{PREFIX}/products/{{code:path}}", self.product),
            ("PUT", customers, self.put_customer),
            ("GET", customers, self.customer),
            ("GET", f"{customers}/orders", self.orders_of),
            ("PUT", orders, self.checkout),
            ("GET", orders, self.order),
            ("POST", f"{orders}/cancel", self.cancel),
            ("POST", f"{orders}/pay", self.pay),
            ("GET", f"{PREFIX}/health", self.health),
        ]
        return Starlette(routes=[*(route(method, path, self._up(do)) for method, path, do in table), *more])

    def _up(self, do: Any) -> Any:
        async def answer(asked: Asked) -> Answer:
            self._shop.asked.append(do.__name__)
            if self._shop.down:
                raise Fault(503, "down", "a service behind the front door does not answer")
            answered: Answer = do(asked)
            return answered

        return answer

    def health(self, _asked: Asked) -> Answer:
        return 200, {"architecture": self._shop.architecture}

    def categories(self, _asked: Asked) -> Answer:
        by_name: dict[str, list[Item]] = {}
        for item in self._shop.items.values():
            by_name.setdefault(item.category, []).append(item)
        return 200, [
            Category(name, len(items), max(items, key=operator.attrgetter("sold")).stock_code)
            for name, items in sorted(by_name.items())
        ]

    def search(self, asked: Asked) -> Answer:
        words, category = asked.query.get("words", "").lower().split(), asked.query.get("category")
        found = [
            self._shop.item(item.stock_code)
            for item in self._shop.items.values()
            if category in (None, item.category) and all(word.rstrip("s") in item.name.lower() for word in words)
        ]
        key, reverse = SORTS[asked.query.get("sort", "popular")]
        found.sort(key=key, reverse=reverse)
        page = int(asked.query.get("page", 1))
        return 200, Found(tuple(found[(page - 1) * PAGE : page * PAGE]), len(found), page)

    def product(self, asked: Asked) -> Answer:
        if (code := asked.path["code"]) not in self._shop.items:
            raise missing("product", code)
        return 200, self._shop.item(code)

    def put_customer(self, asked: Asked) -> Answer:
        id, new = asked.path["id"], asked.content(NewCustomer)
        command = customer.RegisterCustomer(id, new.name, new.email, self._shop.at, new.address)
        customer.customers.decide(command, customer.Customer())  # that the details are in order
        self._shop.customers[id] = Customer(id, new.name, new.email, new.address)
        return 200, self._shop.customers[id]

    def customer(self, asked: Asked) -> Answer:
        if (id := asked.path["id"]) not in self._shop.customers:
            raise missing("customer", id)
        return 200, self._shop.customers[id]

    def orders_of(self, asked: Asked) -> Answer:
        mine = [id for id, (_, row) in self._shop.orders.items() if row.customer_id == asked.path["id"]]
        return 200, [self._shop.standing(id) for id in reversed(mine)]

    def checkout(self, asked: Asked) -> Answer:
        shop, id, wanted = self._shop, asked.path["id"], asked.content(Checkout)
        if id not in shop.orders:
            shop.cards[id] = wanted.card
            shop.place(id, wanted)
            if not shop.later:
                self._at_once(id)
        if shop.losing:
            shop.losing -= 1
            raise Fault(504, "lost", "nobody answered in time")
        return self._answer(id)

    def _at_once(self, id: str) -> None:
        try:
            self._shop.reserve(id)
        except Rejected:
            del self._shop.orders[id]
            raise
        self._paid(id)

    def _paid(self, id: str) -> None:
        self._shop.charge(id)
        if self._shop.standing(id).status == "paid":
            self._shop.dispatch(id)

    def order(self, asked: Asked) -> Answer:
        if (id := asked.path["id"]) not in self._shop.orders:
            raise missing("order", id)
        standing = self._shop.standing(id)
        if self._shop.later:
            self._shop.step(id)
        return 200, standing

    def cancel(self, asked: Asked) -> Answer:
        self._shop.cancel(asked.path["id"])
        return 200, self._shop.standing(asked.path["id"])

    def pay(self, asked: Asked) -> Answer:
        shop, id = self._shop, asked.path["id"]
        picked = asked.content(Picked).card
        shop._do(id, order.RetryPayment(id, shop.at))
        shop.cards[id] = picked
        if not shop.later:
            self._paid(id)
        return self._answer(id)

    def _answer(self, id: str) -> Answer:
        standing = self._shop.standing(id)
        statuses = {"paid": 201, "dispatched": 201, "payment_failed": 402}
        return statuses.get(standing.status, 202), standing
