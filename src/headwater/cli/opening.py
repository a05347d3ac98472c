"""What commands work on: stores by their address, applications by where they are declared."""

import importlib
import os
import sys
from collections.abc import AsyncIterator
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
Target = Annotated[str, typer.Argument(metavar="MODULE:APP", help="Where the App is declared, such as shop:app.")]


@asynccontextmanager
async def opened(url: str, *, create: bool = False, durable: bool = True) -> AsyncIterator[EventStore]:
    """The store at an address, which must be there unless `create`."""
    async with await open_store(url, create=create, durable=durable) as store:
        yield store


def attached(app: App, url: str) -> AbstractAsyncContextManager[Runtime]:
    """A runtime on an existing store of which no worker runs: it looks and builds, and disturbs no other process."""
    return Runtime.open(app, url, create=False, workers=False)


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


def _module(name: str) -> Any:
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name and (name == error.name or name.startswith(error.name + ".")):
            raise typer.BadParameter(
                f"there is no module {name!r} here or installed", param_hint="MODULE:APP"
            ) from error
        raise
    except (ValueError, TypeError) as error:  # an empty or a relative name
        raise typer.BadParameter(f"{name!r} names no module", param_hint="MODULE:APP") from error
