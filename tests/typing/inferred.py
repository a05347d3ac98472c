"""What type checkers infer from declarations alone. It is checked, not run; see test_inference.py."""

from collections.abc import AsyncIterator, Sequence
from typing import Any, assert_type

from msgspec import Struct

from headwater import (
    App,
    Decider,
    Executed,
    Reaction,
    Rejected,
    Runtime,
    Schedule,
    SqlView,
    Unschedule,
    View,
    command,
    event,
    query,
)
from headwater.messages import Page
from headwater.testing.specification import DeciderSpec, ViewSpec, spec


@event("book.lent", version=2)
class Lent:
    book: str
    reader: str


@event("book.returned")
class Returned:
    book: str
    late: bool = False


@command("book.lend")
class Lend:
    book: str
    reader: str = "Ada"


@command("book.return")
class Return:
    book: str


class Book(Struct, frozen=True):
    title: str = ""
    reader: str | None = None


BookEvent = Lent | Returned


def evolve(book: Book, happened: BookEvent) -> Book:
    match happened:
        case Lent(title, reader):
            return Book(title, reader)
        case Returned():
            return Book(happened.book)


def decide(wanted: Lend | Return, book: Book) -> Sequence[BookEvent]:
    if isinstance(wanted, Return):
        return [Returned(wanted.book)]
    if book.reader:
        raise Rejected("lent", code="lent", reader=book.reader)
    return [Lent(wanted.book, wanted.reader)]


def shelve(book: Book, happened: BookEvent) -> Book | None:
    return None if isinstance(happened, Returned) else evolve(book, happened)


def remind(happened: Lent) -> list[Schedule | Unschedule | Return]:
    return [Unschedule(happened.book), Return(happened.book)]


async def send(happened: Returned) -> list[Lend]:
    return [Lend(book=happened.book)]


def count(happened: Lent) -> list[tuple[str, tuple[str]]]:
    return [("INSERT INTO {lending} VALUES (?)", (happened.book,))]


# Messages are what dataclasses are to a checker: fields by name and place, frozen.
assert_type(Lent("Walden", "Ada").reader, str)
assert_type(Returned(book="Walden").late, bool)
assert_type(Lend("Walden"), Lend)

# A decider's types: commands, state, events.
books = Decider("book", Book, decide, evolve, stream=lambda wanted: wanted.book)
assert_type(books, Decider[Lend | Return, Book, Lent | Returned])
across = Decider(
    "book",
    Book,
    decide,
    evolve,
    stream=lambda wanted: wanted.book,
    query=lambda wanted: query("book.lent", tags=[wanted.book]),
    tags=lambda happened: [happened.book],
)
assert_type(across, Decider[Lend | Return, Book, Lent | Returned])
assert_type(books.initial(), Book)
assert_type(books.decide(Lend("Walden"), Book()), Sequence[Lent | Returned])

# A view's types: row, events.
shelf = View("shelf", key=lambda happened: happened.book, initial=Book, evolve=evolve, index=["reader"])
assert_type(shelf, View[Book, Lent | Returned])
lent = View("lent", lambda happened: happened.book, lambda key: Book(key), shelve, version=2)
assert_type(lent, View[Book, Lent | Returned])
assert_type(lent.row, type[Book])
lending = SqlView("lending", {"lending": "book TEXT"}, count)
assert_type(lending, SqlView[Lent])

assert_type(Reaction("remind", remind), Reaction[Lent])
assert_type(Reaction("send", send), Reaction[Returned])

assert_type(spec(books), DeciderSpec[Lend | Return, Book, Lent | Returned])
assert_type(spec(shelf), ViewSpec[Book, Lent | Returned])
assert_type(spec(shelf).given(Lent("Walden", "Ada")).rows(), dict[str, Book])

app = App("library", [books], [shelf, lent, lending], [Reaction("remind", remind), Reaction("send", send)])


async def use(runtime: Runtime) -> None:
    done = await runtime.execute(Lend("Walden"), id="1")
    assert_type(done, Executed)
    assert_type(done.position, int)
    assert_type(await runtime.get(shelf, "Walden", after=done.position), Book | None)
    assert_type(await runtime.find(lent, where={"reader": ["Ada", None]}, order_by=["-title"]), list[Book])
    assert_type(await runtime.count(shelf), int)
    assert_type(await runtime.sql("SELECT 1"), list[dict[str, Any]])
    assert_type(runtime.subscribe(query("book.lent")), AsyncIterator[Page])
    row = await runtime.get(shelf, "Walden")
    if row:
        assert_type(row.reader, str | None)


async def main() -> None:
    async with Runtime.open(app, "sqlite:///library.db", durable=False) as runtime:
        assert_type(runtime, Runtime)
        await use(runtime)
