"""`headwater snapshot`: the states that are kept of long streams."""

import asyncio
from typing import Annotated, Any

import typer

from headwater.cli.opening import Store, attached
from headwater.cli.output import Json, print_facts, print_rows
from headwater.fold import App

commands = typer.Typer(help="Look at the snapshots in a store; drop them.", no_args_is_help=True)

NOBODY = App("headwater_snapshot")  # what a snapshot is of is in the store


@commands.command(name="list")
def list_snapshots(
    store: Store,
    after: Annotated[str, typer.Option(help="Only streams whose name comes after this one.")] = "",
    limit: Annotated[int, typer.Option(min=1, help="At most those of this many streams.")] = 20,
    json: Json = False,
) -> None:
    """List snapshots by stream: of which decider and version of its fold, and up to which event."""
    print_rows(asyncio.run(_list(store, after, limit)), json, nothing="no such snapshots")


async def _list(url: str, after: str, limit: int) -> list[dict[str, Any]]:
    async with attached(NOBODY, url) as runtime:
        return [
            {"stream": each.stream, "decider": each.decider, "fold": each.fold, "version": each.version,
             "position": each.position, "bytes": len(each.state)}
            for each in await runtime.snapshots.all(after=after, limit=limit)
        ]  # fmt: skip


@commands.command()
def drop(
    store: Store,
    stream: Annotated[str | None, typer.Argument(metavar="STREAM", help="Of which stream.")] = None,
    all: Annotated[bool, typer.Option("--all", help="Of every stream.")] = False,
    json: Json = False,
) -> None:
    """Remove snapshots. Nothing is lost: the next commands fold from the first event, and take them anew."""
    if all == bool(stream):
        raise typer.BadParameter("name a stream, or give --all", param_hint="STREAM")
    print_facts({"dropped": asyncio.run(_drop(store, stream or ""))}, json)


async def _drop(url: str, stream: str) -> int:
    async with attached(NOBODY, url) as runtime:
        return await runtime.snapshots.drop(stream)
