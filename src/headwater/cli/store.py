"""`headwater store`: looking into a store, checking it, moving it."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from headwater.app import migrate_store
from headwater.cli import history
from headwater.cli.archive import archive_events, restore_events
from headwater.cli.copying import copy
from headwater.cli.exporting import STDOUT, export
from headwater.cli.importing import import_events
from headwater.cli.opening import Store, opened
from headwater.cli.output import Json, complain, note, print_facts, print_line, print_rows
from headwater.cli.transform import transform_store
from headwater.cli.verifying import verify
from headwater.messages import ALL, Envelope, Query, QueryItem
from headwater.store.archive import to_line
from headwater.store.port import EventStore
from headwater.store.subscription import subscribe

commands = typer.Typer(help="Look into a store, check it, move it.", no_args_is_help=True)
commands.command(name="archive")(archive_events)
commands.command(name="restore")(restore_events)
commands.command(name="transform")(transform_store)

TOLD = 20
"""Of how many events that were left out each is named."""

Types = Annotated[list[str] | None, typer.Option("--type", help="Only events of this type; may be given again.")]
Tags = Annotated[list[str] | None, typer.Option("--tag", help="Only events with this tag; given again: with all.")]
After = Annotated[int, typer.Option(min=0, help="Begin after this position (with --stream: this version).")]


@commands.command()
def info(store: Store, json: Json = False) -> None:
    """Say what a store holds and how it is kept."""
    print_facts(asyncio.run(_info(store)), json)


async def _info(url: str) -> dict[str, Any]:
    async with opened(url) as store:
        head, size = await store.head(), await store.size()
        first, last = await store.read(limit=1), await store.read(after=max(head - 1, 0), limit=1)
        return {
            "store": store.address,
            "events": size.events,
            "position": head,
            "first_recorded": first.events[0].recorded_at.isoformat() if first.events else None,
            "last_recorded": last.events[-1].recorded_at.isoformat() if last.events else None,
            "bytes": size.bytes,
            "durable": store.capabilities.durable,
            "shared": store.capabilities.shared,
            "notified": store.capabilities.notified,
        }


@commands.command()
def read(
    store: Store,
    stream: Annotated[str | None, typer.Option(help="Only this stream.")] = None,
    type: Types = None,
    tag: Tags = None,
    after: After = 0,
    limit: Annotated[int, typer.Option(min=1, help="At most this many events.")] = 20,
    json: Json = False,
) -> None:
    """Print events in order. With --json one CloudEvent a line."""
    query = _query(type, tag)
    events = asyncio.run(_read(store, stream, query, after, limit))
    if json:
        for event in events:
            print_line(to_line(event))
    else:
        print_rows([_row(event) for event in events], json=False, nothing="no such events")


def _query(types: list[str] | None, tags: list[str] | None) -> Query:
    return Query((QueryItem(tuple(types or ()), tuple(tags or ())),)) if types or tags else ALL


async def _read(url: str, stream: str | None, query: Query, after: int, limit: int) -> list[Envelope]:
    async with opened(url) as store:
        pages = _stream_pages(store, stream, after) if stream else _pages(store, query, after)
        found: list[Envelope] = []
        async with aclosing(pages):
            async for page in pages:
                found += [event for event in page if query.matches(event.type, event.tags)]
                if len(found) >= limit:
                    break
        return found[:limit]


async def _pages(store: EventStore, query: Query, after: int) -> AsyncGenerator[list[Envelope], None]:
    head = await store.head()
    while after < head:
        page = await store.read(query, after=after)
        after = page.position
        yield list(page.events)


async def _stream_pages(store: EventStore, stream: str, after: int) -> AsyncGenerator[list[Envelope], None]:
    while page := await store.read_stream(stream, after=after):
        after = page[-1].stream_version
        yield page


def _row(event: Envelope) -> dict[str, Any]:
    return {
        "position": event.position,
        "recorded": f"{event.recorded_at:%Y-%m-%d %H:%M:%S}",
        "stream": f"{event.stream} @{event.stream_version}",
        "type": event.type if event.type_version == 1 else f"{event.type} v{event.type_version}",
        "data": event.data.decode(errors="replace"),
    }


commands.command("state")(history.stream_state)


@commands.command()
def tail(
    store: Store,
    type: Types = None,
    tag: Tags = None,
    after: Annotated[int | None, typer.Option(min=0, help="Begin after this position, not at the end.")] = None,
    json: Json = False,
) -> None:
    """Print events as they are recorded, until Ctrl-C. With --json one CloudEvent a line."""
    with suppress(KeyboardInterrupt):
        asyncio.run(_tail(store, _query(type, tag), after, json))


async def _tail(url: str, query: Query, after: int | None, json: bool) -> None:
    async with opened(url) as store:
        start = await store.head() if after is None else after
        async with aclosing(subscribe(store, query, after=start)) as pages:
            async for page in pages:
                for event in page.events:
                    print_line(to_line(event) if json else "  ".join(map(str, _row(event).values())).encode())


Address = Annotated[str, typer.Argument(show_default=False)]


@commands.command(name="copy")
def copy_store(source: Address, target: Address, json: Json = False) -> None:
    """Copy a store to another address, SQLite or PostgreSQL: positions, ids, times, and what reactions keep.

    Nobody may write to the source meanwhile. A copy that was interrupted goes on when it is repeated. In the end both
    are read again and compared. Views are not copied: an application folds them again when it runs.
    """
    print_facts(asdict(asyncio.run(copy(source, target))), json)


@commands.command()
def migrate(store: Store, json: Json = False) -> None:
    """Bring a store up to date with this Headwater; made if it is not there. One that is interrupted leaves nothing."""
    print_facts({"store": store.rsplit("@", 1)[-1], "applied": asyncio.run(migrate_store(store))}, json)


@commands.command()
def doctor(store: Store, json: Json = False) -> None:
    """Say how a store is doing and who holds it up: open transactions with their process, age and application. Exit
    code 1 if anything is wrong."""
    found = asyncio.run(_doctor(store))
    print_facts(found, json)
    if found["obstacles"] or found["problems"]:
        raise typer.Exit(1)


async def _doctor(url: str) -> dict[str, Any]:
    async with opened(url) as store:
        advice = [] if store.capabilities.durable else ["the server acknowledges commits before the disk has them"]
        return {
            "store": store.address,
            "position": await store.head(),
            "durable": store.capabilities.durable,
            "notified": store.capabilities.notified,
            "obstacles": await store.obstacles(),
            "problems": await store.check() + advice,
        }


@commands.command(name="verify")
def verify_store(store: Store, json: Json = False) -> None:
    """Read everything again: positions, versions, data, and the store's own files. Exit code 1 if it is not sound."""
    found = asyncio.run(_verify(store))
    print_facts(found, json)
    if not found["sound"]:
        raise typer.Exit(1)


async def _verify(url: str) -> dict[str, Any]:
    async with opened(url) as store:
        return {"store": url, **(await verify(store)).facts()}


@commands.command(name="export")
def export_store(
    store: Store,
    file: Annotated[Path, typer.Argument(help="Where to; '-' for stdout.")] = STDOUT,
    after: Annotated[int, typer.Option(min=0, help="Only events after this position.")] = 0,
    salvage: Annotated[bool, typer.Option("--salvage", help="Leave out what cannot be read, and say so.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the file if it is there.")] = False,
    json: Json = False,
) -> None:
    """Write all events to a file, one CloudEvent a line, without loss."""
    if file.exists() and not overwrite:
        raise typer.BadParameter(f"{file} is there already; --overwrite replaces it", param_hint="FILE")
    try:
        facts = asyncio.run(_export(store, file, after, salvage))
    except OSError as error:
        complain(f"cannot write {file}: {error.strerror}")
        raise typer.Exit(1) from error
    if file != STDOUT:
        print_facts(facts, json)
    else:
        note(f"{facts['events']:,} events, up to position {facts['position']:,}")


async def _export(url: str, file: Path, after: int, salvage: bool) -> dict[str, Any]:
    async with opened(url) as store:
        events, position, lost = await export(store, file, after, salvage)
    for each in lost[:TOLD]:
        complain(f"left out {each}", "warning")
    if len(lost) > TOLD:
        complain(f"left out {len(lost) - TOLD:,} more", "warning")
    return {"file": str(file), "events": events, "position": position, "left_out": len(lost)}


@commands.command(name="import")
def import_store(
    store: Store,
    file: Annotated[Path, typer.Argument(help="A file from `store export`; '-' for stdin.")],
    json: Json = False,
) -> None:
    """Append a file's events that the store does not have yet; made if it is not there. Repeating it is harmless."""
    if file != STDOUT and not file.is_file():
        raise typer.BadParameter(f"there is no file {file}", param_hint="FILE")
    print_facts(asyncio.run(_import(store, file)), json)


async def _import(url: str, file: Path) -> dict[str, Any]:
    async with opened(url, create=True) as store:
        done = await import_events(store, file)
    return {
        "events": done.events,
        "written": done.written,
        "present_before": done.present,
        "positions_kept": done.positions_kept,
    }
