"""The shop as a running thing: its store and broker opened, filled when it is new, and its application at work."""

import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import msgspec

from headwater.app import Runtime, open_store
from headwater.errors import BadInput, UnknownType
from headwater.fold import App
from headwater.messages import NewEvent, Write
from headwater_shop.event_driven.app import shop_app
from headwater_shop.event_driven.clicks import Clicks
from headwater_shop.event_driven.payment_double import PaymentDouble
from headwater_shop.event_driven.topics import through_topics, with_clicks
from headwater_shop.event_driven.views import VIEWS
from headwater_shop.imports import ImportResult, import_file
from headwater_shop.seed import write_csv
from headwater_shop.web.cards import CardDesk

DEFAULT_STORE = "sqlite:///var/shop.db"

_FILE, _MEMORY = "sqlite:///", "memory:"
_CAUGHT_UP_WITHIN = 300.0  # seconds
_BEGUN, _FILLED = "shop.filling_begun", "shop.filled"

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Surroundings:
    """What the shop's surroundings are made to be like; times are in seconds, failures a share from 0 to 1."""

    payment_delay: float = 1.0
    payment_failures: float = 0.05
    packing: float = 3.0


class Running(msgspec.Struct, frozen=True):
    """An open shop, the desk where its shoppers pick a card, and who tells what they do (to be run; None where there
    is no broker for it)."""

    runtime: Runtime
    cards: CardDesk
    clicks: Clicks | None


@asynccontextmanager
async def running(
    store: str,
    surroundings: Surroundings,
    *,
    broker: str = "",
    without: Collection[str] = (),
    only: Collection[str] = (),
) -> AsyncIterator[Running]:
    """Run the shop on the store at that address until the block ends: all its workers, or all `without` some, or some
    `only`, by name.

    With a `broker` its services speak to each other through topics; without one through the store, and clicks go to a
    broker beside the store. Raises what Runtime.open raises, UnknownType for a worker that is not there.
    """
    make_room(store)
    delay = surroundings.payment_delay
    desk = CardDesk(PaymentDouble(delay=delay, failure_rate=surroundings.payment_failures), delay=delay)
    app, topics = streaming(shop_app(desk, packing=timedelta(seconds=surroundings.packing)), store, broker)
    workers = only or (_all_but(without, app) if without else True)
    async with Runtime.open(app, store, broker=topics, workers=workers) as runtime:
        yield Running(runtime, desk, Clicks(runtime) if topics else None)


def streaming(app: App, store: str, broker: str = "") -> tuple[App, str]:
    """The shop with its topics, and the address of the broker that they are on ('' where there is none)."""
    if not broker:
        beside = broker_beside(store)
        return (with_clicks(app) if beside else app), beside
    if broker == _MEMORY != store:
        raise BadInput(
            f"the broker {broker!r} forgets what the store has told it: orders would be lost. Give one that keeps it, "
            "such as 'sqlite:///var/shop-topics.db'"
        )
    return with_clicks(through_topics(app)), broker


def broker_beside(store: str) -> str:
    """The broker for the clicks of a shop that was given none: a file beside the store's. On a server, which other
    processes share, there is none: a broker that they do not share would count for itself."""
    if store == _MEMORY:
        return _MEMORY
    file = _file(store)
    return "" if file is None else f"{_FILE}{file.with_name(f'{file.stem}-topics{file.suffix}')}"


def workers_of(app: App) -> list[str]:
    """The names of all that works for the shop beside its pages."""
    reactions, consumers = [each.name for each in app.reactions], [each.name for each in app.consumers]
    relays = [topic.name for topic in app.topics if topic.events]
    return ["views", "timers", *reactions, *consumers, *relays]


def _all_but(without: Collection[str], app: App) -> list[str]:
    workers = workers_of(app)
    for name in without:
        if name not in workers:
            raise UnknownType("worker", name, tuple(workers))
    return [name for name in workers if name not in without]


@asynccontextmanager
async def helping(
    store: str, surroundings: Surroundings, *, broker: str = "", only: Collection[str] = ()
) -> AsyncIterator[Running]:
    """Work for a shop that another process has opened, without pages. Raises what `running` raises, StoreNotFound."""
    await (await open_store(store, create=False)).close()
    async with running(store, surroundings, broker=broker, only=only) as opened:
        yield opened


@asynccontextmanager
async def looking(store: str, *, create: bool = False) -> AsyncIterator[Runtime]:
    """A runtime for imports and reports: it keeps the views, but takes no money and sends no parcels, so that it gets
    into no running shop's way. The views show all that was recorded before. Raises StoreNotFound unless `create`."""
    if create:
        make_room(store)
    else:
        await (await open_store(store, create=False)).close()
    async with Runtime.open(without_reactions(), store) as runtime:
        head = await runtime.store.head()
        for view in VIEWS:
            await runtime.queries.reached(view.name, head, _CAUGHT_UP_WITHIN)
        yield runtime


def without_reactions() -> App:
    """The shop's application, deciding and showing only."""
    return replace(shop_app(), reactions=())


def make_room(store: str) -> None:
    """Make the folder that the store's file goes into."""
    if (file := _file(store)) is not None:
        file.parent.mkdir(parents=True, exist_ok=True)


def _file(store: str) -> Path | None:
    return Path(store.removeprefix(_FILE)) if store.startswith(_FILE) and store != _FILE else None


async def fill_if_new(store: str, progress: Progress) -> ImportResult | None:
    """Fill a store that is not there yet with a made-up year, all or nothing; None where there is one.

    Filled aside and then put in place, so that a shop which was stopped meanwhile does not stay half-filled.
    """
    file = _file(store)
    if file is None or file.exists():
        return None
    make_room(store)
    aside = Path(tempfile.mkdtemp(prefix=".filling-", dir=file.parent))
    try:
        async with Runtime.open(without_reactions(), f"{_FILE}{aside / file.name}") as runtime:
            result = await fill(runtime, progress)
        _put_in_place(aside / file.name, file)
        return result
    finally:
        shutil.rmtree(aside, ignore_errors=True)


async def fill_if_empty(runtime: Runtime) -> ImportResult | None:
    """Fill a store that holds nothing with a made-up year, or go on where that was interrupted; None where there is
    nothing to do. An event before it and one after it tell which it is; what is there already is not imported again.
    """
    store = runtime.store
    if await store.head() and (not await store.find_append(_BEGUN) or await store.find_append(_FILLED)):
        return None
    await _mark(runtime, _BEGUN)
    result = await fill(runtime, lambda _done, _total: None)
    await _mark(runtime, _FILLED)
    return result


async def _mark(runtime: Runtime, what: str) -> None:
    await runtime.store.append(Write("shop", [NewEvent(what, b"{}")]), id=what)


async def fill(runtime: Runtime, progress: Progress) -> ImportResult:
    """Import a made-up year of transactions."""
    with tempfile.TemporaryDirectory(prefix="headwater-shop-") as folder:
        file = Path(folder, "made-up-year.csv")
        write_csv(file)
        return await import_file(runtime, file, progress)


def _put_in_place(filled: Path, file: Path) -> None:
    """Give the closed store its name, unless somebody else was first."""
    try:
        os.link(filled, file)
    except FileExistsError:
        return
    except OSError:  # a file system without hard links
        filled.rename(file)
