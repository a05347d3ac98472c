"""A lending library, event-sourced: events, a decider, a view, an app."""

import asyncio
from dataclasses import dataclass

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


@dataclass(frozen=True)
class Book:
    title: str
    reader: str | None = None
    times: int = 0


def evolve(book: Book, happened: Lent | Returned) -> Book:
    match happened:
        case Lent(title, reader):
            return Book(title, reader, book.times + 1)
        case Returned(title):
            return Book(title, None, book.times)


def decide(wanted: Lend, book: Book) -> list[Lent]:
    if book.reader:
        raise Rejected(f"{book.title} is with {book.reader}", code="already_lent")
    return [Lent(wanted.book, wanted.reader)]


books = Decider("book", lambda: Book(""), decide, evolve, stream=lambda wanted: wanted.book)
shelf = View("shelf", key=lambda happened: happened.book, initial=Book, evolve=evolve, index=["reader"])
app = App("library", deciders=[books], views=[shelf])


async def main() -> None:
    async with Runtime.open(app, "sqlite:///library.db") as library:
        done = await library.execute(Lend("Walden", "Ada"), id="request-1")  # the same id counts once
        print(await library.get(shelf, "Walden", after=done.position))
        try:
            await library.execute(Lend("Walden", "Bob"))
        except Rejected as no:
            print(no)


if __name__ == "__main__":
    asyncio.run(main())
