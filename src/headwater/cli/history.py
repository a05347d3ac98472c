"""`headwater store state` and `headwater view state`: what was, as of a position or a time."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, NamedTuple

import msgspec
import typer

from headwater.app import Runtime
from headwater.cli.given import moment
from headwater.cli.opening import Keys, Store, attached, load_app
from headwater.cli.output import print_json
from headwater.errors import UnknownType
from headwater.fold import App, View

Application = Annotated[str, typer.Option("--app", metavar="MODULE:APP", help="Where the App is declared.")]
At = Annotated[
    str | None, typer.Option("--at", metavar="POSITION|TIME", help="As of a position or an ISO 8601 time, not of now.")
]
Diff = Annotated[
    tuple[str, str] | None, typer.Option("--diff", metavar="FROM TO", help="The fields that differ between the two.")
]
Moment = int | datetime | None
Ask = Callable[[Runtime, Moment], Awaitable[Any]]


class Place(NamedTuple):
    """The addresses that an application runs on."""

    store: str
    keys: str


def stream_state(
    stream: Annotated[str, typer.Argument(metavar="STREAM", help="Such as order-o1; its decider is the first word.")],
    app: Application,
    store: Store,
    keys: Keys = "",
    at: At = None,
    diff: Diff = None,
) -> None:
    """Print a decider's state of a stream as JSON, now or as it was."""
    declared = load_app(app)
    deciders = {each.name: each for each in declared.deciders}
    name = stream.partition("-")[0]
    if name not in deciders:
        raise UnknownType("decider", name, tuple(deciders))
    place = Place(store, keys)
    _show(declared, place, lambda runtime, then: runtime.state(deciders[name], stream, at=then), at, diff)


def row_state(
    name: Annotated[str, typer.Argument(metavar="VIEW")],
    key: Annotated[str, typer.Argument(metavar="KEY")],
    app: Application,
    store: Store,
    keys: Keys = "",
    at: At = None,
    diff: Diff = None,
) -> None:
    """Print the row of a key in a view as JSON, now or as it was; null where there is none. It is folded from the
    events; builds are not looked at."""
    declared = load_app(app)
    views = {each.name: each for each in declared.views if isinstance(each, View)}
    if name not in views:
        raise UnknownType("keyed view", name, tuple(views))
    place = Place(store, keys)
    _show(declared, place, lambda runtime, then: runtime.view_at(views[name], key, at=then), at, diff)


def _show(app: App, place: Place, ask: Ask, at: str | None, diff: tuple[str, str] | None) -> None:
    if at and diff:
        raise typer.BadParameter("give either --at or --diff", param_hint="--at")
    then = [_moment(each) for each in diff] if diff else [_moment(at) if at else None]
    found = asyncio.run(_answers(app, place, ask, then))
    print_json(differences(*found) if diff else found[0])


def _moment(text: str) -> Moment:
    if text.isascii() and text.isdecimal():
        return int(text)
    try:
        return moment(text)
    except typer.BadParameter as error:
        raise typer.BadParameter(f"{error.message}; or a position, such as 12") from None


async def _answers(app: App, place: Place, ask: Ask, moments: Sequence[Moment]) -> list[Any]:
    async with attached(app, *place) as runtime:
        return [msgspec.to_builtins(await ask(runtime, each), str_keys=True, enc_hook=str) for each in moments]


def differences(old: Any, new: Any, name: str = "") -> dict[str, dict[str, Any]]:
    """The fields by name (`address.city`, for one within another) whose values differ, with those that are there."""
    if not name and None in (old, new):  # a row that is not there has no fields
        old, new = [{} if each is None else each for each in (old, new)]
    if not isinstance(old, Mapping) or not isinstance(new, Mapping):
        return {} if old == new else {name: {"from": old, "to": new}}
    found: dict[str, dict[str, Any]] = {}
    for field in dict.fromkeys([*old, *new]):
        path = f"{name}.{field}" if name else field
        if field in old and field in new:
            found |= differences(old[field], new[field], path)
        else:
            found[path] = {"from": old[field]} if field in old else {"to": new[field]}
    return found
