"""`headwater store archive` and `restore`: events out of a store into a file, and back."""

import asyncio
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from headwater.adapters.archive.store import ArchiveStore
from headwater.cli.archiving import Selection, archive, restore
from headwater.cli.copying import opened_stores
from headwater.cli.given import moment, whoever
from headwater.cli.opening import Store, opened
from headwater.cli.output import Json, complain, note, print_facts
from headwater.store.archive import ADDRESS

Actor = Annotated[str, typer.Option(help="Who asks, for the record.", show_default="your login name")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]


def archive_events(
    store: Store,
    file: Annotated[Path, typer.Argument(help="The archive: lines of JSON, or Parquet where its name ends so.")],
    stream: Annotated[str, typer.Option(help="The events of this stream.", show_default=False)] = "",
    before: Annotated[str, typer.Option(metavar="TIME", help="Those recorded before: 2026-01-01.")] = "",
    before_version: Annotated[
        int | None, typer.Option(min=2, help="Those before this version of the stream, which a snapshot is of.")
    ] = None,
    close: Annotated[bool, typer.Option("--close", help="Let nobody append to the stream any more.")] = False,
    despite_lag: Annotated[
        bool, typer.Option("--despite-lag", help="Though a view, reaction or relay has yet to read them.")
    ] = False,
    actor: Actor = "",
    yes: Yes = False,
    json: Json = False,
) -> None:
    """Write events to a file, compare it with the store to the byte, and then remove them from the store.

    Interrupted at any moment it has lost nothing, and goes on when it is repeated. Views keep what they have folded of
    these events; those that are built anew lack them. A stream that goes on needs a snapshot behind them.
    """
    wanted = _selection(stream, before, before_version, close)
    if not yes:
        what = f"stream {stream!r}" if stream else "all streams"
        typer.confirm(
            f"Once {file} is verified, its events of {what} are removed from the store. Go on?", abort=True, err=True
        )
    try:
        facts = asyncio.run(_archive(store, file, wanted, close, despite_lag, whoever(actor)))
    except OSError as error:
        complain(f"cannot write {file}: {error.strerror}")
        raise typer.Exit(1) from error
    if not facts["events"]:
        note("no such events; nothing was written or removed")
    print_facts(facts, json)


def _selection(stream: str, before: str, before_version: int | None, close: bool) -> Selection:
    if not stream and (close or before_version is not None):
        raise typer.BadParameter("--close and --before-version are about one --stream", param_hint="--stream")
    if before and before_version is not None:
        raise typer.BadParameter("give a time or a version, not both", param_hint="--before")
    if not (stream or before):
        raise typer.BadParameter("say which events: --stream, --before, or both", param_hint="--stream")
    return Selection(stream, moment(before) if before else before_version)


async def _archive(
    url: str, file: Path, wanted: Selection, close: bool, despite_lag: bool, actor: str
) -> dict[str, Any]:
    async with opened_stores(url, create=False) as stores:
        done = await archive(stores, file, wanted, close=close, despite_lag=despite_lag, actor=actor)
    return {"file": str(file), **asdict(done), "closed": close}


def restore_events(
    store: Store,
    file: Annotated[str, typer.Argument(help="The archive.")],
    actor: Actor = "",
    json: Json = False,
) -> None:
    """Put the events of an archive back where they were removed: the last archive first. Repeating it is harmless.

    Who has read past them is not told: views that were built without them are to be built anew. `store copy` makes
    another store of an archive.
    """
    print_facts(asyncio.run(_restore(store, file.removeprefix(ADDRESS), whoever(actor))), json)


async def _restore(url: str, file: str, actor: str) -> dict[str, Any]:
    async with await ArchiveStore.open(file) as found, opened(url) as target:
        return {"file": file, **asdict(await restore(target, found, actor))}
