"""What commands work on: stores by their address, applications by where they are declared."""

import importlib
import os
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Annotated, Any

import typer

from headwater.app import Runtime, open_store
from headwater.fold import App
from headwater.store.port import EventStore

Store = Annotated[
    str,
    typer.Option(
        "--store",
        envvar="HEADWATER_STORE",
        show_default=False,
        help="The store's address: sqlite:///file.db or postgresql://…",
    ),
]
Keys = Annotated[
    str,
    typer.Option(
        "--keys",
        envvar="HEADWATER_KEYS",
        show_default=False,
        help="The address of the keys of personal data: sqlite:///keys.db or postgresql://…?schema=keys",
    ),
]
Target = Annotated[str, typer.Argument(metavar="MODULE:APP", help="Where the App is declared, such as shop:app.")]


@asynccontextmanager
async def opened(url: str, *, create: bool = False, durable: bool = True) -> AsyncIterator[EventStore]:
    """The store at an address, which must be there unless `create`."""
    async with await open_store(url, create=create, durable=durable) as store:
        yield store


def attached(app: App, url: str, keys: str = "") -> AbstractAsyncContextManager[Runtime]:
    """A runtime on an existing store, and existing keys, of which no worker runs: it looks and builds, and disturbs no
    other process. Topics are not looked at: theirs is a broker that nobody else sees."""
    broker = "memory:" if app.topics or app.consumers else ""
    return Runtime.open(app, url, broker=broker, keys=keys, create=False, workers=False)


def load_app(target: str) -> App:
    """The App at 'module:name' (name: `app` if left out), found from the current folder on."""
    module_name, _, name = target.partition(":")
    module = _module(module_name)
    found = getattr(module, name or "app", None)
    if isinstance(found, App):
        return found
    apps = [f"{module_name}:{each}" for each, value in vars(module).items() if isinstance(value, App)]
    hint = f"; there is {' and '.join(apps)}" if apps else "; it declares no App"
    what = "is not there" if found is None else f"is a {type(found).__name__}, not an App"
    raise typer.BadParameter(f"{name or 'app'!r} in module {module_name!r} {what}{hint}", param_hint="MODULE:APP")


def load_function(target: str, hint: str) -> Callable[..., Any]:
    """The function at 'module:name', found from the current folder on; `hint` names the option that it was given to."""
    module_name, _, name = target.partition(":")
    found: Callable[..., Any] | None = getattr(_module(module_name, hint), name, None) if name else None
    if not callable(found):
        what = "is not there" if found is None else f"is a {type(found).__name__}, not a function"
        raise typer.BadParameter(f"{name!r} in module {module_name!r} {what}", param_hint=hint)
    return found


def _module(name: str, hint: str = "MODULE:APP") -> Any:
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name and (name == error.name or name.startswith(error.name + ".")):
            raise typer.BadParameter(f"there is no module {name!r} here or installed", param_hint=hint) from error
        raise
    except (ValueError, TypeError) as error:  # an empty or a relative name
        raise typer.BadParameter(f"{name!r} names no module", param_hint=hint) from error
