"""What type checkers must refuse, each on a line marked `refused`. It is checked, not run; see test_inference.py."""

from inferred import Book, BookEvent, Lend, Lent, Return, Returned, books, decide, evolve, lending, shelf

from headwater import Decider, Runtime, View, command
from headwater.testing.specification import spec


@command("other.do")
class Other:
    what: str


def other_state(state: int, happened: BookEvent) -> int:
    return state


def deciding_more(wanted: Lend, book: Book) -> list[Other]:
    return [Other(wanted.book)]


def asynchronous_evolve(book: Book, happened: BookEvent) -> "list[Book]":
    return [book]


Lent("Walden")  # refused
Lent("Walden", 5)  # refused
Lent("Walden", "Ada", "more")  # refused
Lent("Walden", "Ada").reader = "Bob"  # refused
print(Returned("Walden").nothing)  # refused

Decider("book", Book, decide, evolve, stream=lambda wanted: wanted.nothing)  # refused
Decider("book", Book, decide, other_state, stream=lambda wanted: wanted.book)  # refused
View("shelf", key=lambda happened: happened.nothing, initial=Book, evolve=evolve)  # refused
View("shelf", key=lambda happened: 5, initial=Book, evolve=evolve)  # refused
View("shelf", key=lambda happened: happened.book, initial=Book, evolve=asynchronous_evolve)  # refused

books.decide(Other("x"), Book())  # refused
spec(books).given(Other("x"))  # refused
spec(books).when(Lent("Walden", "Ada"))  # refused
spec(books).when(Return("Walden")).then(Lend("Walden"))  # refused


async def use(runtime: Runtime) -> None:
    row = await runtime.get(shelf, "Walden")
    print(row.title)  # refused
    await runtime.get(lending, "Walden")  # refused
    await runtime.get(shelf, 5)  # refused
    print((await runtime.find(shelf))[0].nothing)  # refused
    await runtime.execute()  # refused
