"""Declarations: what they handle is read from annotations, and what is declared wrong fails when it is built."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar, Union

import pytest

from headwater import App, Decider, Reaction, Schedule, SqlView, View, command, event
from headwater.errors import DeclarationError, HeadwaterError, InvalidName


@event("book.lent")
class Lent:
    book: str


@event("book.returned")
class Returned:
    book: str


@event("book.lent")
class LentToo:
    book: str


@event("book.lent", version=2)
class LentNewer:
    book: str


@command("book.lend")
class Lend:
    book: str


@command("book.return")
class Return:
    book: str


@command("book.lend")
class LendToo:
    book: str


@dataclass(frozen=True)
class Book:
    title: str = ""
    lent: bool = False


class Plain:
    """Neither event nor command."""


T = TypeVar("T")


def decide(wanted: Lend | Return, book: Book) -> list[Lent]:
    return []


def evolve(book: Book, happened: Lent | Returned) -> Book:
    return book


def instance(wanted: Any) -> str:
    return str(wanted.book)


def key(happened: Any) -> str:
    return str(happened.book)


def statements(happened: Lent) -> list[tuple[str, tuple[Any, ...]]]:
    return []


def react(happened: Lent | None) -> list[Lend]:
    return []


books: Decider[Any, Any, Any] = Decider("book", Book, decide, evolve, instance)
shelf: View[Any, Any] = View("shelf", key, Book, evolve)
lending: SqlView[Any] = SqlView("lending", {"lending": "book TEXT"}, statements)
reaction: Reaction[Any] = Reaction("react", react)


def test_a_handlers_annotation_is_its_registration() -> None:
    app = App("library", [books], [shelf, lending], [reaction])
    assert books.commands == (Lend, Return)
    assert books.events == shelf.events == (Lent, Returned)
    assert (lending.events, reaction.events) == ((Lent,), (Lent,))
    assert shelf.row is Book
    assert set(app.events.types.values()) == {Lent, Returned}
    assert set(app.commands.types) == {"book.lend", "book.return"}
    assert app.decider_of == {Lend: books, Return: books}


def test_an_application_of_nothing_is_one() -> None:
    app = App("nothing")
    assert (dict(app.events.types), dict(app.commands.types)) == ({}, {})


def test_two_versions_of_an_event_live_together() -> None:
    def newer(book: Book, happened: LentNewer) -> Book:
        return book

    assert len(App("library", [books], [replace(shelf, evolve=newer)]).events.types) == 3


def wrong_decider(**changes: Any) -> Callable[[], App]:
    return lambda: App("library", [replace(books, **changes)])


def no_annotation(book, happened):  # type: ignore[no-untyped-def]
    return book


def of_anything(book: Book, happened: Any) -> Book:
    return book


def of_a_type_variable(book: Book, happened: T) -> Book:
    return book


def of_a_list(book: Book, happened: list[Lent]) -> Book:
    return book


def of_plain(book: Book, happened: Plain) -> Book:
    return book


def of_too_few(book: Book) -> Book:
    return book


def of_the_same_name(book: Book, happened: Union[Lent, LentToo]) -> Book:  # noqa: UP007 - either form is read
    return book


def of_unknown(book: Book, happened: "Nowhere") -> Book:  # type: ignore[name-defined] # noqa: F821
    return book


def of_plain_command(wanted: Plain, book: Book) -> list[Lent]:
    return []


def of_the_same_command(wanted: Lend | LendToo, book: Book) -> list[Lent]:
    return []


def two_rows(row: Book, happened: Lent) -> Book | Plain:
    return row


WRONG: list[tuple[str, Callable[[], App]]] = [
    ("two deciders are called 'book'; give each", lambda: App("a", [books, books])),
    ("two views are called 'shelf'", lambda: App("a", views=[shelf, replace(shelf, version=2)])),
    ("two views are called 'shelf'", lambda: App("a", views=[shelf, replace(lending, name="shelf")])),
    ("two reactions are called 'react'", lambda: App("a", reactions=[reaction, reaction])),
    ("command Lend is decided twice: by 'book' and 'other'", lambda: App("a", [books, replace(books, name="other")])),
    ("annotate parameter 'happened' of no_annotation", wrong_decider(evolve=no_annotation)),
    ("annotate parameter 'happened' of of_anything", wrong_decider(evolve=of_anything)),
    ("annotate parameter 'happened' of of_a_type_variable", wrong_decider(evolve=of_a_type_variable)),
    ("is not a class or a union of classes", wrong_decider(evolve=of_a_list)),
    ("Plain is used as an event: decorate it", wrong_decider(evolve=of_plain)),
    ("of_too_few takes 1 parameters, expected 2", wrong_decider(evolve=of_too_few)),
    ("event 'book.lent' version 1 is declared twice", wrong_decider(evolve=of_the_same_name)),
    ("of_unknown cannot be read .*Nowhere.* at module level", wrong_decider(evolve=of_unknown)),
    ("has no readable signature", wrong_decider(evolve=5)),
    ("Plain is used as a command: decorate it", wrong_decider(decide=of_plain_command)),
    ("command 'book.lend' is declared twice", wrong_decider(decide=of_the_same_command)),
    (
        "event 'book.lent' version 1 is declared twice",
        lambda: App("a", [books], [replace(shelf, evolve=of_the_same_name)]),
    ),
]


@pytest.mark.parametrize(("message", "build"), WRONG, ids=[message for message, _ in WRONG])
def test_what_is_declared_wrong_fails_when_it_is_built(message: str, build: Callable[[], App]) -> None:
    with pytest.raises(DeclarationError, match=message):
        build()


@pytest.mark.parametrize("name", ["", "two words", "9lives", "a-b", "a.b", "x" * 64, "drop\n", "Ä;"])
def test_names_are_words(name: str) -> None:
    apps: list[Callable[[], App]] = [
        lambda: App("a", [replace(books, name=name)]),
        lambda: App("a", views=[replace(shelf, name=name)]),
        lambda: App("a", reactions=[replace(reaction, name=name)]),
    ]
    for build in apps:
        with pytest.raises(InvalidName, match="letters, digits and underscores"):
            build()


def test_a_view_has_one_class_of_rows() -> None:
    with pytest.raises(DeclarationError, match="must return one class"):
        _ = replace(shelf, evolve=two_rows).row


HOUR = timedelta(hours=1)
NOON = datetime(2024, 1, 1, 12, tzinfo=UTC)


def test_a_schedule_has_one_time() -> None:
    assert Schedule("k", Lend("x"), after=HOUR).after == HOUR
    assert Schedule("k", Lend("x"), at=NOON).at == NOON
    wrong: list[dict[str, Any]] = [{}, {"after": HOUR, "at": NOON}, {"at": NOON.replace(tzinfo=None)}]
    for times in wrong:
        with pytest.raises(DeclarationError, match="schedule 'k'"):
            Schedule("k", Lend("x"), **times)


def test_bad_names_of_messages() -> None:
    for name in ("", "Book", "book lent", "book..lent", ".book", "book.", "9", "book.lent\n", "x" * 201):
        for decorate in (event, command):
            with pytest.raises(InvalidName, match="lower-case words"):
                decorate(name)
    with pytest.raises(HeadwaterError, match="1 or more, not 0"):
        event("book.lent", version=0)
