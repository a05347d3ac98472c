"""Simulated shoppers. They search, look, fill carts and check out through the same commands, views and clicks as the
pages, and buy what the store's own sales say: products, basket sizes, quantities, countries and hours.

A simulated day passes in ten minutes, so that its rush hours show. What runs low is replenished.
"""

import asyncio
import logging
import random
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

import msgspec

from headwater.app import Runtime
from headwater.clock import to_datetime
from headwater.errors import Conflict, NotYetVisible, Rejected
from headwater.messages import new_id
from headwater.store.outage import PASSING, Outage
from headwater_shop.domain.cart import AddItem, CheckOut
from headwater_shop.domain.clicks import AddedToCart, Click, ProductViewed, Searched
from headwater_shop.domain.customer import RegisterCustomer
from headwater_shop.domain.product import ReceiveStock
from headwater_shop.domain.shared import Address, Moment
from headwater_shop.event_driven.clicks import Clicks
from headwater_shop.event_driven.views import ProductCard, order_summary, product_card
from headwater_shop.web import shelf

DAY: Final = 600.0  # seconds of real time
THINKING: Final = 1.2  # seconds on average between two steps, in the busiest hour
QUIETEST: Final = 0.15  # nobody sleeps all night: the slowest pace, as a share of the busiest
LARGEST_BASKET: Final = 40
LEAVE: Final = 0.15  # share of carts that are left standing
SEARCH: Final = 0.3  # share of products that they search for by a word
LOW: Final = 60
REPLENISH: Final = 240
REPORT_EVERY: Final = 5.0

# fmt: off
_FIRST: Final = (
    "Ada", "Ben", "Cleo", "Dora", "Eli", "Fay", "Gus", "Hal", "Ida", "Jon", "Kit", "Lea", "Max", "Nora", "Otto", "Pia",
    "Quin", "Rosa", "Sam", "Tess", "Uma", "Vera", "Will",
)
_LAST: Final = (
    "Ashby", "Brook", "Carver", "Dale", "Ember", "Field", "Grove", "Hart", "Islay", "Kemp", "Lark", "Moor", "Nash",
    "Oakes", "Pike", "Reed", "Shaw", "Tarn",
)
_STREETS: Final = ("Mill Lane", "Weir Street", "Orchard Row", "Ferry Road", "Chapel Hill", "Ford Close")
# fmt: on

log = logging.getLogger("headwater_shop.traffic")

_SAMPLE = 500  # orders
_HOURS = (
    "SELECT CAST(substr(placed_at, 12, 2) AS INTEGER) AS value, count(*) AS times FROM order_summary "
    "WHERE origin = 'import' AND kind = 'order' GROUP BY 1"
)
_COUNTRIES = "SELECT country AS value, count(*) AS times FROM order_summary WHERE kind = 'order' GROUP BY 1"
_PRODUCTS = "SELECT stock_code AS value, sale_rows AS times FROM product_card WHERE listed AND sale_rows > 0"


class Weighted(msgspec.Struct, frozen=True):
    """Values with how often each came."""

    values: Sequence[Any]
    times: Sequence[int]

    def draw(self, rng: random.Random) -> Any:
        return rng.choices(self.values, self.times)[0]


class Habits(msgspec.Struct, frozen=True):
    """What the store's own sales say about how people buy."""

    products: Weighted
    baskets: Weighted
    quantities: Weighted
    countries: Weighted
    hours: dict[int, float]

    def pace(self, hour: int) -> float:
        """How lively an hour is, beside the liveliest."""
        return max(QUIETEST, self.hours.get(hour, 0.0))


async def habits(runtime: Runtime) -> Habits:
    """Learn the habits from the views."""
    hours = await _weighted(runtime, _HOURS, [(12, 1)])
    most = max(hours.times)
    orders = await runtime.find(order_summary, where={"kind": "order"}, order_by=["-order_id"], limit=_SAMPLE)
    return Habits(
        await _weighted(runtime, _PRODUCTS, []),
        _counted(len(order.lines) for order in orders),
        _counted(line.quantity for order in orders for line in order.lines),
        await _weighted(runtime, _COUNTRIES, [("United Kingdom", 1)]),
        {hour: times / most for hour, times in zip(hours.values, hours.times, strict=True)},
    )


def _counted(values: Iterable[int]) -> Weighted:
    """Each value with how often it came; one of each where nothing came yet."""
    times = Counter(values) or Counter([1])
    return Weighted(list(times), list(times.values()))


async def _weighted(runtime: Runtime, sql: str, otherwise: list[tuple[Any, int]]) -> Weighted:
    rows = await runtime.sql(sql)
    pairs = [(row["value"], row["times"]) for row in rows] or otherwise
    return Weighted([value for value, _ in pairs], [times for _, times in pairs])


def _word(name: str, rng: random.Random) -> str:
    """A word of the name such as people search for: not "of", nor "6"."""
    words = [word for word in name.split() if len(word) > 3 and word.isalpha()]
    return rng.choice(words) if words else ""


@dataclass
class Tally:
    """What the shoppers have done so far."""

    orders: int = 0
    spent: Decimal = Decimal(0)
    left: int = 0
    refused: int = 0


class Traffic:
    """So many shoppers, each a task that buys again and again. `say` gets a line about them now and then, `clicks` what
    they do before they buy."""

    def __init__(
        self, runtime: Runtime, shoppers: int, *, say: Callable[[str], None], seed: int | None = None,
        clicks: Clicks | None = None,
    ) -> None:  # fmt: skip
        self.tally = Tally()
        self._runtime = runtime
        self._shoppers = shoppers
        self._say = say
        self._clicks = clicks
        self._seed = seed
        self._clock = runtime.clock
        self._began = runtime.clock.monotonic()

    async def run(self) -> None:
        """Buy until cancelled."""
        if not self._shoppers:
            return
        known = await Outage("traffic").outlive(lambda: habits(self._runtime))
        if not known.products.values:
            self._say("traffic: nothing has been sold yet, so the simulated shoppers do not know what to buy")
            return
        async with asyncio.TaskGroup() as group:
            for number in range(self._shoppers):
                rng = random.Random(None if self._seed is None else self._seed + number)
                group.create_task(self._shopper(known, rng), name=f"shopper {number}")
            group.create_task(self._report(), name="traffic report")

    async def _shopper(self, known: Habits, rng: random.Random) -> None:
        while True:
            try:
                await self.shop_once(known, rng)
            except (Rejected, NotYetVisible, Conflict, *PASSING) as no:
                self.tally.refused += 1
                log.info("a simulated shopper was refused: %s", no)
            await self._think(known, rng)

    async def shop_once(self, known: Habits, rng: random.Random) -> None:
        """One visit: look around, fill a cart, and buy it or leave it standing."""
        cart_id, visitor = f"traffic-{new_id(self._clock.now())}", f"sim-{new_id(self._clock.now())}"
        spent, lines = Decimal(0), set[str]()
        for _ in range(min(known.baskets.draw(rng), LARGEST_BASKET)):
            card = await self._choose(known, rng, visitor)
            await self._think(known, rng)
            quantity = min(known.quantities.draw(rng), max((card.available or 0) // 2, 0)) if card else 0
            if card is None or card.stock_code in lines or quantity < 1:
                continue
            await self._runtime.execute(AddItem(cart_id, card.stock_code, card.name, card.price, quantity, self._now()))
            self._click(AddedToCart(card.stock_code, quantity, self._now()), visitor)
            lines.add(card.stock_code)
            spent += card.price * quantity
        if not lines or rng.random() < LEAVE:
            self.tally.left += 1
            return
        await self._check_out(cart_id, known, rng)
        self.tally.orders += 1
        self.tally.spent += spent

    async def _choose(self, known: Habits, rng: random.Random, visitor: str) -> ProductCard | None:
        """Find a product as people do: some search for a word of its name first."""
        code = known.products.draw(rng)
        card = await self._runtime.get(product_card, code)
        if card is None:
            return None
        if rng.random() < SEARCH:
            words = _word(card.name, rng) or code
            found = await shelf.search(self._runtime, words=words)
            if found.total:
                self._click(Searched(words.lower(), found.total, self._now()), visitor)
        self._click(ProductViewed(code, self._now()), visitor)
        if (card.available or 0) < LOW:
            await self._runtime.execute(ReceiveStock(code, REPLENISH, "replenished for the traffic", self._now()))
        return card

    def _click(self, click: Click, visitor: str) -> None:
        if self._clicks is not None:
            self._clicks.note(click, visitor)

    async def _check_out(self, cart_id: str, known: Habits, rng: random.Random) -> None:
        await self._think(known, rng)
        name = f"{rng.choice(_FIRST)} {rng.choice(_LAST)}"
        customer_id = f"sim-{name.lower().replace(' ', '-')}"
        country = known.countries.draw(rng)
        address = Address(f"{rng.randint(1, 120)} {rng.choice(_STREETS)}", "Millbridge", "MB1 2GE", country)
        try:
            email = f"{name.lower().replace(' ', '.')}@example.org"
            await self._runtime.execute(RegisterCustomer(customer_id, name, email, self._now(), address))
        except Rejected:  # they have been here before
            pass
        order_id = f"t-{cart_id.removeprefix('traffic-')}"
        await self._runtime.execute(CheckOut(cart_id, order_id, customer_id, name, address, self._now()))

    async def _think(self, known: Habits, rng: random.Random) -> None:
        hour = int((self._clock.monotonic() - self._began + DAY * 10 / 24) % DAY / DAY * 24)  # it begins at ten
        await self._clock.sleep(rng.expovariate(1 / THINKING) / known.pace(hour))

    async def _report(self) -> None:
        before = 0
        while True:
            await self._clock.sleep(REPORT_EVERY)
            done = self.tally
            rate = (done.orders - before) / REPORT_EVERY
            before = done.orders
            self._say(
                f"traffic: {self._shoppers} shoppers, {done.orders:,} orders ({rate:.1f}/s) for £{done.spent:,.2f}, "
                f"{done.left:,} carts left standing, {done.refused:,} refused"
            )

    def _now(self) -> Moment:
        return to_datetime(self._clock.now())
