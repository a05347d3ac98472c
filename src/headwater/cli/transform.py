"""`headwater store transform`: a new store out of an old one."""

import asyncio
from collections.abc import Iterable
from dataclasses import asdict
from typing import Annotated

import typer

from headwater.cli.opening import load_app, load_function
from headwater.cli.output import Json, print_facts
from headwater.cli.transforming import Function, transform
from headwater.fold import App
from headwater.messages import Envelope, NewEvent

Address = Annotated[str, typer.Argument(show_default=False)]


def transform_store(
    source: Address,
    target: Address,
    function: Annotated[
        str, typer.Option("--with", metavar="MODULE:FUNCTION", help="What makes events of each event.")
    ] = "",
    app: Annotated[
        str, typer.Option("--app", metavar="MODULE:APP", help="Whose upcasters are asked, before the function.")
    ] = "",
    without_archived: Annotated[
        bool, typer.Option("--without-archived", help="Though events were removed from the source: without them.")
    ] = False,
    json: Json = False,
) -> None:
    """Make a new store out of an old one, through a function from an event (an Envelope) to those that follow from it
    there, in order: none, one or several NewEvents of the same stream, or Envelopes of any.

    The function must be pure: it is asked again when a transformation that was interrupted is repeated, and goes on. In
    the end the target is read again and compared with what the function gave. Nobody may write to the source meanwhile.
    Ids of commands are carried over where their events stay one for one; reactions go on where they were, views are
    built anew when an application runs. Headwater's own events stay what they are.
    """
    if not (function or app):
        raise typer.BadParameter("say how: --with MODULE:FUNCTION, or --app MODULE:APP, or both", param_hint="--with")
    made = _function(load_function(function, "--with") if function else None, load_app(app) if app else None)
    done = asyncio.run(transform(source, target, made, without_archived=without_archived))
    print_facts(asdict(done), json)


def _function(function: Function | None, app: App | None) -> Function:
    if app is None:
        assert function, "one of them is given"
        return function
    modern = app.events.envelopes
    if function is None:
        return modern

    def both(event: Envelope) -> Iterable[NewEvent | Envelope]:
        return [made for each in modern(event) for made in function(each)]

    return both
