import asyncio

from msgspec import Struct

from headwater import App, Decider, Rejected, Runtime, View, command, event


@event("book.lent")
class Lent:
    book: str
    reader: str


@event("book.returned")
class Returned:
    book: str


@command("book.lend")
class Lend:
    book: str
    reader: str


class Book(Struct, frozen=True):
    title: str = ""
    reader: str | None = None
    times_lent: int = 0


def evolve(book: Book, happened: Lent | Returned) -> Book:
    match happened:
        case Lent():
            return Book(happened.book, happened.reader, book.times_lent + 1)
        case Returned():
            return Book(happened.book, None, book.times_lent)


def decide(wanted: Lend, book: Book) -> list[Lent]:
    if book.reader:
        raise Rejected(f"{book.title} is with {book.reader}", code="already_lent")
    return [Lent(wanted.book, wanted.reader)]


books = Decider("book", Book, decide, evolve, stream=lambda wanted: wanted.book)
shelf = View("shelf", key=lambda happened: happened.book, initial=Book, evolve=evolve, index=["reader"])
app = App("library", deciders=[books], views=[shelf])


async def main() -> None:
    async with Runtime.open(app, "sqlite:///library.db") as library:
        done = await library.execute(Lend("Walden", "Ada"), id="request-1")  # the same id counts once
        print(await library.get(shelf, "Walden", after=done.position))  # and is seen at once


if __name__ == "__main__":
    asyncio.run(main())
