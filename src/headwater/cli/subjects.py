"""`headwater forget` and `headwater subject`: the personal data of one person."""

import asyncio
import getpass
from contextlib import aclosing
from dataclasses import asdict
from typing import Annotated, Any

import msgspec
import typer

from headwater.app import Runtime
from headwater.app.subjects import HeldEvent
from headwater.cli.opening import Keys, Store, attached, load_app
from headwater.cli.output import Json, complain, print_facts, print_json, print_line
from headwater.clock import to_datetime
from headwater.fold import App

commands = typer.Typer(help="Tell what is kept of a person.", no_args_is_help=True)

Named = Annotated[str, typer.Argument(metavar="SUBJECT", help="Who it is, as the events' Subject() field says.")]
Of = Annotated[str, typer.Option("--app", metavar="MODULE:APP", help="Where the App is declared, such as shop:app.")]
By = Annotated[str, typer.Option(help="Who asks, for the record.", show_default="your login name")]

_encode = msgspec.json.Encoder().encode


def forget(subject: Named, app: Of, store: Store, keys: Keys, by: By = "", json: Json = False) -> None:
    """Forget a person: destroy the key of their personal data, and build every view anew that may show it.

    The application may run meanwhile; commands wait while the store's file is written anew. If it is interrupted, or
    something else keeps the files in use, do it again. Backups, archives and what others were told are yours to clean.
    """
    found = asyncio.run(_forget(load_app(app), store, keys, subject, by or _login()))
    left = found.pop("left")
    print_facts({**found, "left": left}, json)
    for each in left:
        complain(f"personal data may be left in {each}", "warning")


def _login() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"


async def _forget(app: App, store: str, keys: str, subject: str, by: str) -> dict[str, Any]:
    async with attached(app, store, keys) as runtime:
        done = await runtime.forget(subject, by=by)
        return {**asdict(done), "destroyed": to_datetime(done.destroyed).isoformat()}


@commands.command()
def report(subject: Named, app: Of, store: Store, keys: Keys, json: Json = False) -> None:
    """Print all personal data of a person: the events that hold it, decrypted, one a line, then the rows of views in
    which it stands. With --json, one document."""
    asyncio.run(_report(load_app(app), store, keys, subject, json))


async def _report(app: App, store: str, keys: str, subject: str, json: bool) -> None:
    async with attached(app, store, keys) as runtime:
        if json:
            print_json(await _document(runtime, subject))
            return
        async with aclosing(runtime.kept_of(subject)) as found:
            async for each in found:
                print_line(_encode({"event" if isinstance(each, HeldEvent) else "row": each}))


async def _document(runtime: Runtime, subject: str) -> dict[str, Any]:
    async with aclosing(runtime.kept_of(subject)) as found:
        kept = [each async for each in found]
    events = [each for each in kept if isinstance(each, HeldEvent)]
    return {"subject": subject, "events": events, "rows": [each for each in kept if not isinstance(each, HeldEvent)]}
