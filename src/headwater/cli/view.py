"""`headwater view`: the materialized views in a store."""

import asyncio
from typing import Annotated, Any

import typer

from headwater.cli import history
from headwater.cli.opening import Keys, Store, Target, attached, load_app
from headwater.cli.output import Json, print_facts, print_json, print_rows, progress
from headwater.errors import UnknownType
from headwater.fold import App

commands = typer.Typer(help="Look at the views in a store; build one anew.", no_args_is_help=True)

NOBODY = App("headwater_view")  # looking needs no declarations: what a view is called and holds is in the store


@commands.command(name="list")
def list_views(store: Store, json: Json = False) -> None:
    """List every build of every view, and how far it is behind."""
    print_rows(asyncio.run(_builds(store)), json, nothing="no views in this store")


async def _builds(url: str) -> list[dict[str, Any]]:
    async with attached(NOBODY, url) as runtime:
        head = await runtime.store.head()
        return [
            {"view": each.name, "version": each.version, "live": each.live, "position": each.position,
             "lag": head - each.position}
            for each in await runtime.builds()
        ]  # fmt: skip


@commands.command()
def show(
    name: Annotated[str, typer.Argument(metavar="VIEW", help="The view's name, or that of a table of its.")],
    store: Store,
    where: Annotated[
        list[str] | None, typer.Option(metavar="FIELD=VALUE", help="Only rows with this; repeatable.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most this many rows.")] = 20,
    json: Json = False,
) -> None:
    """Print rows of a view as SQL sees them."""
    rows = asyncio.run(_rows(store, name, [_condition(each) for each in where or ()], limit))
    if json:
        print_json(rows)
    else:
        print_rows(rows, json=False, nothing="no such rows")


def _condition(text: str) -> tuple[str, str]:
    field, equals, value = text.partition("=")
    if not field.isidentifier() or not equals:
        raise typer.BadParameter(f"{text!r} is not of the form FIELD=VALUE", param_hint="--where")
    return field, value


async def _rows(url: str, name: str, where: list[tuple[str, str]], limit: int) -> list[dict[str, Any]]:
    async with attached(NOBODY, url) as runtime:
        names = tuple(await runtime.views())
        if name not in names:
            raise UnknownType("view", name, names)
        conditions = "".join(f' AND CAST("{field}" AS TEXT) = ?' for field, _ in where)
        sql = f'SELECT * FROM "{name}" WHERE true{conditions} LIMIT ?'
        return await runtime.sql(sql, (*(value for _, value in where), limit))


commands.command("state")(history.row_state)


@commands.command()
def rebuild(
    app: Target, name: Annotated[str, typer.Argument(metavar="VIEW")], store: Store, keys: Keys = "",
    without_archived: Annotated[
        bool, typer.Option("--without-archived", help="Though events were removed from the store: without them.")
    ] = False,
    json: Json = False,
) -> None:  # fmt: skip
    """Build a view anew beside the one in use and switch over when it has caught up. The application may go on."""
    print_facts(asyncio.run(_rebuild(load_app(app), name, store, keys, without_archived)), json)


async def _rebuild(app: App, name: str, url: str, keys: str, without_archived: bool) -> dict[str, Any]:
    async with attached(app, url, keys) as runtime:
        with progress(f"building {name}", await runtime.store.head()) as show_progress:
            position, rate = 0, 0.0
            async for step in runtime.rebuild(name, without_removed=without_archived):
                position, rate = step.position, step.rate
                show_progress(position)
        return {"view": name, "position": position, "events_per_second": round(rate)}
