"""`headwater deadletters`: what consumers could not do, and what is to become of it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from datetime import datetime, timedelta
from typing import Annotated, Any

import typer

from headwater.app import Runtime
from headwater.cli.given import content, duration, moment, whoever
from headwater.cli.opening import Store, attached
from headwater.cli.output import Json, complain, note, print_facts, print_json, print_rows, progress
from headwater.cli.records import printable, value_in_json
from headwater.clock import SystemClock, to_datetime
from headwater.delivery.operations import RATE, WAVES, DeadLetters, Redrive
from headwater.delivery.port import Attempt, Letter, Letters
from headwater.errors import UnknownType
from headwater.fold import App

commands = typer.Typer(help="See what consumers could not do, and decide what becomes of it.", no_args_is_help=True)

NOBODY = App("headwater_deadletters")
SHOWN = 100  # letters of one id; there is at most one for each consumer
SNOOZE = timedelta(hours=1)

Consumer = Annotated[str, typer.Option(help="Only those of this consumer.")]
TopicOption = Annotated[str, typer.Option("--topic", help="Only those of this topic.")]
Key = Annotated[str | None, typer.Option(help="Only those of this key.")]
ErrorText = Annotated[str, typer.Option("--error", help="Only those whose last error has this in its type or text.")]
Ids = Annotated[list[str] | None, typer.Option("--id", help="Only this one; may be given again.")]
All = Annotated[bool, typer.Option("--all", help="All of them; needed when nothing else is given.")]
Actor = Annotated[str, typer.Option(help="Who asks, for the record.", show_default="your login name")]


@asynccontextmanager
async def _letters(url: str) -> AsyncIterator[DeadLetters]:
    async with attached(NOBODY, url) as runtime:
        yield _of(runtime)


def _of(runtime: Runtime) -> DeadLetters:
    return runtime.dead_letters


def _which(consumer: str, topic: str, key: str | None, error: str, ids: list[str] | None, all: bool) -> Letters:
    if not (consumer or topic or key is not None or error or ids or all):
        raise typer.BadParameter("say which: --id, --key, --error, --topic, --consumer, or --all")
    return Letters(consumer, topic, key, tuple(ids or ()), error)


@commands.command()
def counts(store: Store, json: Json = False) -> None:
    """Say how many rest, by consumer, and since when the oldest does."""
    print_rows(asyncio.run(_counts(store)), json, nothing="no dead letters")


async def _counts(url: str) -> list[dict[str, Any]]:
    async with _letters(url) as letters:
        return [
            {"consumer": each.consumer, "topic": each.topic, "failed": each.failed, "waiting_behind": each.waiting,
             "oldest": _time(each.oldest)}
            for each in await letters.counts()
        ]  # fmt: skip


@commands.command(name="list")
def list_letters(
    store: Store, consumer: Consumer = "", topic: TopicOption = "", key: Key = None, error: ErrorText = "",
    limit: Annotated[int, typer.Option(min=1, help="At most this many.")] = 50, json: Json = False,
) -> None:  # fmt: skip
    """List letters in the order of their records, each with its last error."""
    found = asyncio.run(_find(store, Letters(consumer, topic, key, (), error), limit))
    print_rows([_row(letter) for letter in found], json, nothing="no such dead letters")


async def _find(url: str, which: Letters, limit: int) -> list[Letter]:
    async with _letters(url) as letters:
        return (await letters.find(which, limit=limit))[:limit]


def _row(letter: Letter) -> dict[str, Any]:
    last = letter.attempts[-1] if letter.attempts else None
    return {
        "consumer": letter.consumer, "id": letter.id, "place": f"{letter.topic}/{letter.partition}/{letter.offset}",
        "key": letter.key, "attempts": len(letter.attempts),
        "last_error": f"{last.error}: {last.message}" if last else "waits behind an earlier one",
        "wish": letter.wish.value or None,
    }  # fmt: skip


@commands.command()
def show(id: Annotated[str, typer.Argument(metavar="ID")], store: Store, json: Json = False) -> None:
    """Show a letter: every attempt with its error, time and duration, its headers and its value.

    With --json one object, or a list of them where several consumers have a letter of this id.
    """
    found = asyncio.run(_find(store, Letters(ids=(id,)), SHOWN))
    if not found:
        raise UnknownType("dead letter", id)
    if json:
        facts = [_facts(letter) | value_in_json(letter.value) for letter in found]
        print_json(facts if len(facts) > 1 else facts[0])
        return
    for letter in found:
        told = _facts(letter)
        told["attempts"] = [
            f"{each['at']}  {each['seconds']:.3f} s  {each['error']}: {each['message']}" for each in told["attempts"]
        ]
        lines = letter.value.decode(errors="replace").expandtabs(4).split("\n")
        print_facts({**told, "value": "\n".join(map(printable, lines))}, json=False)


def _facts(letter: Letter) -> dict[str, Any]:
    """All that a letter is, but for its value."""
    facts = _row(letter)
    del facts["last_error"]
    facts["rested"] = _time(letter.rested)
    facts["attempts"] = [_attempt(each) for each in letter.attempts]
    facts["headers"] = dict(letter.headers)
    facts["edited"] = letter.edited
    return facts


def _attempt(attempt: Attempt) -> dict[str, Any]:
    return {"at": _time(attempt.at), "seconds": attempt.seconds, "error": attempt.error, "message": attempt.message}


def _time(micros: int) -> str:
    return to_datetime(micros).isoformat(timespec="seconds")


@commands.command()
def redrive(
    store: Store, consumer: Consumer = "", topic: TopicOption = "", key: Key = None, error: ErrorText = "",
    id: Ids = None, all: All = False,
    waves: Annotated[str, typer.Option(help="How many at a time; the last one goes on.")] = ",".join(map(str, WAVES)),
    rate: Annotated[float, typer.Option(min=0.001, help="At most so many a second.")] = RATE,
    value: Annotated[
        str | None, typer.Option(metavar="TEXT|@FILE", help="Try the one letter with this instead; @- is stdin.")
    ] = None,
    patience: Annotated[float, typer.Option(min=0, help="Seconds to wait for a consumer that does it.")] = 30.0,
    actor: Actor = "", json: Json = False,
) -> None:  # fmt: skip
    """Have letters tried again, in order, a few at first; one that fails again ends it.

    Exit code 1 when one failed, or when nobody carried it out: is the application running?
    """
    which = _which(consumer, topic, key, error, id, all)
    try:
        sizes = [int(size) for size in waves.split(",")]
    except ValueError:
        raise typer.BadParameter(f"{waves!r} is not a list of whole numbers", param_hint="--waves") from None
    other = content(value) if value is not None else None
    last = asyncio.run(_redrive(store, which, sizes, rate, other, patience, whoever(actor)))
    print_facts({"letters": last.total, "redriven": last.done, "failed_again": [each.id for each in last.failed]}, json)
    if last.stalled:
        complain("nobody carried it out: is an application with this consumer running? It stays asked for")
    if last.failed or last.stalled:
        raise typer.Exit(1)


async def _redrive(
    url: str, which: Letters, waves: list[int], rate: float, value: bytes | None, patience: float, actor: str
) -> Redrive:
    last = Redrive(0, 0)
    async with _letters(url) as letters:
        steps = letters.redrive(which, waves=waves, rate=rate, value=value, patience=patience, actor=actor)
        with progress("redriving", 1) as show_progress:
            async with aclosing(steps):
                async for last in steps:
                    show_progress(last.done / max(last.total, 1))
    return last


@commands.command()
def snooze(
    store: Store, consumer: Consumer = "", topic: TopicOption = "", key: Key = None, error: ErrorText = "",
    id: Ids = None, all: All = False,
    wait: Annotated[
        timedelta | None,
        typer.Option("--for", parser=duration, metavar="DURATION", help="From now, such as 10m; 1h if none is given."),
    ] = None,
    until: Annotated[
        datetime | None, typer.Option(parser=moment, metavar="TIME", help="A time instead; UTC if it names no zone.")
    ] = None,
    actor: Actor = "",
) -> None:  # fmt: skip
    """Have letters tried again later."""
    which = _which(consumer, topic, key, error, id, all)
    if wait and until:
        raise typer.BadParameter("give either --for or --until")
    due = until or to_datetime(SystemClock().now()) + (wait or SNOOZE)
    count = asyncio.run(_snooze(store, which, due, whoever(actor)))
    note(f"{count:,} letters will be tried at {due.isoformat(timespec='seconds')}")


async def _snooze(url: str, which: Letters, until: datetime, actor: str) -> int:
    async with _letters(url) as letters:
        return await letters.snooze(which, until, actor=actor)


@commands.command()
def discard(
    store: Store, consumer: Consumer = "", topic: TopicOption = "", key: Key = None, error: ErrorText = "",
    id: Ids = None, all: All = False,
    reason: Annotated[str, typer.Option(help="Why, for the record.")] = "",
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    actor: Actor = "",
) -> None:  # fmt: skip
    """Give letters up for good; those that wait behind them follow."""
    which = _which(consumer, topic, key, error, id, all)._replace(waiting=bool(id))
    if not yes:
        typer.confirm("give them up for good?", abort=True)
    count = asyncio.run(_discard(store, which, reason, whoever(actor)))
    note(f"{count:,} letters are given up as soon as their consumer looks")


async def _discard(url: str, which: Letters, reason: str, actor: str) -> int:
    async with _letters(url) as letters:
        return await letters.discard(which, reason=reason, actor=actor)
