"""An order's way through the parts, with every one of its steps failing in turn: it is taken on from there, and all is
as if nothing had been."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from headwater.clock import SystemClock, to_datetime
from headwater.errors import Rejected
from headwater.testing.postgres import PostgresServer
from headwater.testing.running import asynchronous
from headwater_shop.contract import Checkout, Item
from headwater_shop.domain.shared import Address, Line
from headwater_shop.parts import orders, products
from headwater_shop.parts.asking import NoAnswer
from headwater_shop.parts.database import Database
from headwater_shop.parts.ports import Bank, Book, Paid, Stock
from headwater_shop.parts.selling import Selling
from headwater_shop.traditional.counter import Counter

PRICE = Decimal("2.50")
ITEMS = (Item("mug", "Mug", "Mugs", PRICE, 5), Item("jar", "Jar", "Jars", PRICE, 5))
LINES = (Line("mug", "Mug", 2, PRICE), Line("jar", "Jar", 1, PRICE))
CALLS = ("find", "take", "reserve", "take", "charge", "take", "ship", "take")
"""What an order that goes well asks for."""


@dataclass
class Teller:
    """A bank in memory."""

    taken: dict[str, Decimal] = field(default_factory=dict)
    off: set[str] = field(default_factory=set)

    async def charge(self, payment_id: str, order_id: str, amount: Decimal, card: str) -> Paid:
        if card != "heron" or payment_id in self.off:
            return Paid(False, reason="no")
        self.taken[payment_id] = amount
        return Paid(True, "ref")

    async def call_off(self, payment_id: str, order_id: str, amount: Decimal) -> Paid:
        self.off.add(payment_id)
        return Paid(self.taken.pop(payment_id, None) is not None)


@dataclass
class Trouble:
    """Counts calls, and has one of them fail: before it is done, or after."""

    at: int = 0
    after: bool = False
    calls: list[str] = field(default_factory=list)

    async def call(self, name: str, work: Callable[..., Any], *args: Any) -> Any:
        self.calls.append(name)
        fails = len(self.calls) == self.at
        if fails and not self.after:
            raise NoAnswer(name, "lost")
        result = await work(*args)
        if fails:
            raise NoAnswer(name, "its answer is lost")
        return result


class Through:
    """A part, every call of which may be in trouble."""

    def __init__(self, part: Any, trouble: Trouble) -> None:
        self._part = part
        self._trouble = trouble

    def __getattr__(self, name: str) -> Any:
        work = getattr(self._part, name)
        return lambda *args: self._trouble.call(name, work, *args)


@dataclass
class World:
    """Parts on a database, and who sells by them."""

    shelf: products.Products
    book: orders.Orders
    teller: Teller
    trouble: Trouble
    selling: Selling

    async def left(self) -> Sequence[int | None]:
        found = [await self.shelf.item(code) for code in ("mug", "jar")]
        return [each.available for each in found if each]

    async def recovered(self) -> None:
        """As `Recovery` does."""
        soon = to_datetime(SystemClock().now()) + timedelta(seconds=1)
        for held in await self.book.unfinished(soon):
            try:
                await self.selling.take_on(held)
            except Rejected:
                continue
        assert not await self.book.unfinished(soon)


@asynccontextmanager
async def world(address: str, trouble: Trouble | None = None) -> AsyncIterator[World]:
    database = await Database.open(address, [*products.TABLES, *orders.TABLES])
    shelf, book, teller, trouble = products.Products(database), orders.Orders(database), Teller(), trouble or Trouble()
    await shelf.stock(ITEMS)
    stock: Stock = Through(shelf, trouble)  # type: ignore[assignment]
    kept: Book = Through(book, trouble)  # type: ignore[assignment]
    bank: Bank = Through(teller, trouble)  # type: ignore[assignment]
    try:
        yield World(shelf, book, teller, trouble, Selling(stock, kept, bank, lambda work: work.close()))
    finally:
        await database.close()


def wanted(card: str = "heron", lines: Sequence[Line] = LINES) -> Checkout:
    return Checkout("ada", "Ada", Address(), tuple(lines), card)


@asynchronous()
async def test_what_an_order_that_goes_well_asks_for(tmp_path: Path) -> None:
    async with world(f"sqlite:///{tmp_path}/shop.db") as made:
        assert (await made.selling.place("o-1", wanted())).status == "dispatched"
        assert tuple(made.trouble.calls) == CALLS


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("at", range(1, len(CALLS) + 1))
def test_whatever_fails_it_is_sold_once_in_the_end(tmp_path: Path, at: int, after: bool) -> None:
    asyncio.run(sold_once(f"sqlite:///{tmp_path}/shop.db", Trouble(at, after)))


async def sold_once(address: str, trouble: Trouble) -> None:
    async with world(address, trouble) as made:
        with suppress(NoAnswer):
            await made.selling.place("o-1", wanted())
        await made.recovered()
        assert (await made.selling.place("o-1", wanted())).status == "dispatched"
        assert made.teller.taken == {"o-1-1": Decimal("7.50")}
        assert await made.left() == [3, 4]


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("at", range(1, 5))
def test_whatever_fails_of_a_refusal_nothing_is_kept(tmp_path: Path, at: int, after: bool) -> None:
    async def refused() -> None:
        async with world(f"sqlite:///{tmp_path}/shop.db", Trouble(at, after)) as made:
            with pytest.raises((Rejected, NoAnswer)):
                await made.selling.place("o-1", wanted(lines=(LINES[0], Line("jar", "Jar", 6, PRICE))))
            await made.recovered()
            assert await made.selling.order("o-1") is None
            assert await made.left() == [5, 5]

    asyncio.run(refused())


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("at", range(1, 5))
def test_whatever_fails_of_a_cancellation_all_is_given_back(tmp_path: Path, at: int, after: bool) -> None:
    async def cancelled() -> None:
        async with world(f"sqlite:///{tmp_path}/shop.db") as made:
            assert (await made.selling.place("o-1", wanted("mayfly"))).status == "payment_failed"
            made.trouble.at, made.trouble.after = len(made.trouble.calls) + at, after
            try:
                await made.selling.cancel("o-1")
            except NoAnswer:
                await made.selling.cancel("o-1")
            await made.recovered()
            assert await made.left() == [5, 5]
            assert made.teller.taken == {}

    asyncio.run(cancelled())


@asynchronous()
async def test_money_that_comes_after_all_is_given_back(tmp_path: Path) -> None:
    """The bank's answer was lost, and then the customer cancelled."""
    async with world(f"sqlite:///{tmp_path}/shop.db", Trouble(CALLS.index("charge") + 1, after=True)) as made:
        with pytest.raises(NoAnswer):
            await made.selling.place("o-1", wanted())
        assert made.teller.taken
        assert (await made.selling.cancel("o-1")).status == "cancelled"
        assert made.teller.taken == {}
        assert await made.left() == [5, 5]


@asynchronous()
async def on_postgresql(address: str) -> None:
    await sold_once(address, Trouble(5, after=True))


def test_on_postgresql(postgres: PostgresServer, new_schema: Callable[[PostgresServer], str]) -> None:
    on_postgresql(new_schema(postgres))


# -- in one database


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_traditional_asks_the_bank_again(tmp_path: Path, after: bool) -> None:
    async def sold() -> None:
        async with world(f"sqlite:///{tmp_path}/shop.db", Trouble(1, after)) as made:
            database = await Database.open(f"sqlite:///{tmp_path}/shop.db", [])
            bank: Bank = Through(made.teller, made.trouble)  # type: ignore[assignment]
            counter = Counter(database, bank, lambda work: work.close())
            with pytest.raises(NoAnswer):
                await counter.place("o-1", wanted())
            assert await made.left() == [3, 4]
            held = await made.book.find("o-1")
            assert held is not None
            assert (await counter.take_on(held)).order.status == "dispatched"
            assert made.teller.taken == {"o-1-1": Decimal("7.50")}
            with pytest.raises(Rejected, match="only 4"):
                await counter.place("o-2", wanted(lines=(LINES[0], Line("jar", "Jar", 6, PRICE))))
            assert await counter.order("o-2") is None
            assert await made.left() == [3, 4]
            await database.close()

    asyncio.run(sold())
