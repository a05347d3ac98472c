import asyncio
from typing import Any

from msgspec import Struct

from headwater import App, NewEvent, Runtime, View, Write, event
from headwater.messages import Kind
from headwater.upcasting import derived, dropped, renamed, retired, split, upcast, with_default


@event("book.lent", version=3)
class Lent:
    book: str
    reader: str
    branch: str
    reserved: bool = False


@event("book.returned")
class Returned:
    book: str
    reader: str


@event("fine.due", version=2)
class FineDue:
    reader: str
    pence: int


def returned_and_fined(data: dict[str, Any]) -> list[tuple[Kind, dict[str, Any]]]:
    returned = {"book": data["book"], "reader": data["reader"]}
    fine = {"reader": data["reader"], "pence": 10 * data["days"]}
    return [(Kind("book.returned", 1), returned), (Kind("fine.due", 2), fine)]


HISTORY = [
    upcast("book.lent", 1, renamed("name", "reader")),
    upcast("book.lent", 2, with_default("branch", "Main Street")),
    upcast("fine.due", 1, derived("pence", lambda data: 10 * data["days"]), dropped("days")),
    upcast("book.given_back", 1, to=Kind("book.returned", 1)),
    split("book.returned_late", 1, into=[Kind("book.returned", 1), Kind("fine.due", 2)], change=returned_and_fined),
    retired("book.dusted", 1),
]


class Reader(Struct, frozen=True):
    reader: str
    books: tuple[str, ...] = ()
    branch: str = ""
    owes: int = 0


def evolve(row: Reader, happened: Lent | Returned | FineDue) -> Reader:
    match happened:
        case Lent():
            return Reader(row.reader, (*row.books, happened.book), happened.branch, row.owes)
        case Returned():
            left = tuple(book for book in row.books if book != happened.book)
            return Reader(row.reader, left, row.branch, row.owes)
        case FineDue():
            return Reader(row.reader, row.books, row.branch, row.owes + happened.pence)


readers = View("readers", key=lambda happened: happened.reader, initial=Reader, evolve=evolve)
app = App("library", views=[readers], upcasters=HISTORY)

OLD = [
    NewEvent("book.lent", b'{"book":"Walden","name":"Ada"}'),
    NewEvent("book.dusted", b'{"book":"Emma"}'),
    NewEvent("book.returned_late", b'{"book":"Walden","reader":"Ada","days":3}'),
    NewEvent("book.lent", b'{"book":"Emma","reader":"Ada"}', type_version=2),
    NewEvent("fine.due", b'{"reader":"Ada","days":1}'),
    NewEvent("book.lent", b'{"book":"Persuasion","reader":"Ada","branch":"Harbour"}', type_version=3),
    NewEvent("book.given_back", b'{"book":"Emma","reader":"Ada"}'),
]


async def main() -> None:
    async with Runtime.open(app, "sqlite:///years.db") as library:
        await library.store.append(Write("library", OLD), id="the first years")
        await library.idle()
        print(await library.get(readers, "Ada"))


if __name__ == "__main__":
    asyncio.run(main())
