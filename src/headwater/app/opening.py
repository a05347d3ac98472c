"""Opening stores and brokers by their addresses: the one place that chooses adapters."""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from headwater.adapters.archive.store import ArchiveStore
from headwater.adapters.sqlite.broker import SqliteBroker
from headwater.adapters.sqlite.delivery import SqliteDelivery
from headwater.adapters.sqlite.erasing import scrub
from headwater.adapters.sqlite.inline import SqliteInlineViews
from headwater.adapters.sqlite.keys import SqliteKeys
from headwater.adapters.sqlite.reactions import SqliteReactions
from headwater.adapters.sqlite.snapshots import SqliteSnapshots
from headwater.adapters.sqlite.store import SqliteStore
from headwater.adapters.sqlite.views import SqliteViews
from headwater.clock import Clock, SystemClock
from headwater.codec import EventCatalog
from headwater.delivery.port import DeliveryStore
from headwater.errors import BadInput, MissingExtra
from headwater.keys.memory import MemoryKeys
from headwater.keys.port import KeyStore
from headwater.reactions.port import ReactionStore
from headwater.store.archive import ADDRESS as ARCHIVE
from headwater.store.port import EventStore
from headwater.store.snapshots import SnapshotStore
from headwater.streaming.memory import MemoryBroker
from headwater.streaming.port import Broker
from headwater.views.inline import InlineViews
from headwater.views.port import ViewStore

if TYPE_CHECKING:
    from headwater.keys.ring import Ring

MEMORY, SQLITE, POSTGRES = "memory:", "sqlite:///", ("postgresql://", "postgres://")
NATS, KAFKA = ("nats://", "tls://"), "kafka://"


class Stores(NamedTuple):
    """One place, as what the parts of an application need of it. `scrub` leaves nothing there of what was deleted."""

    events: EventStore
    views: ViewStore
    reactions: ReactionStore
    delivery: DeliveryStore
    inline: Callable[[EventCatalog], InlineViews]
    snapshots: SnapshotStore
    scrub: Callable[[], Awaitable[None]]


async def open_store(url: str, *, create: bool = True, durable: bool = True, clock: Clock | None = None) -> EventStore:
    """Open the event store at `url`: 'sqlite:///shop.db' (relative), 'sqlite:////var/shop.db', 'memory:',
    'postgresql://user@host/database?schema=shop', or an archive, to be read only: 'archive:///2024.ndjson'.

    `durable=False` acknowledges before the disk has it. Raises BadInput for an address of another form, MissingExtra,
    StoreError.
    """
    return (await open_stores(url, create=create, durable=durable, clock=clock)).events


async def migrate_store(url: str) -> list[str]:
    """Bring the store at `url` up to date, or make it: what was applied, by name. A store in SQLite is made of one
    piece, by opening it. Raises StoreTooNew, StoreError."""
    if url.startswith(POSTGRES):
        with _needs("postgres", "psycopg", "a store on PostgreSQL"):
            from headwater.adapters.postgres import store
        return await store.PostgresStore.migrate(url)
    await (await open_store(url)).close()
    return []


@contextmanager
def _needs(extra: str, package: str, what: str) -> Iterator[None]:
    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "").startswith(package):
            raise MissingExtra(extra, what) from error
        raise


async def open_stores(url: str, *, create: bool = True, durable: bool = True, clock: Clock | None = None) -> Stores:
    """`open_store`, and with it the views and what reactions keep. Closing the events closes all but the views."""
    if url.startswith(POSTGRES):
        return await _open_postgres(url, create=create, durable=durable, clock=clock)
    if url.startswith(ARCHIVE) and url != ARCHIVE:
        rest = await open_stores(MEMORY, clock=clock)  # an archive keeps events only
        return rest._replace(events=await ArchiveStore.open(url.removeprefix(ARCHIVE), beside=rest.events))
    store = await SqliteStore.open(_path(url), create=create, durable=durable, clock=clock)
    views = SqliteViews(store)
    inline = partial(SqliteInlineViews, store, views)
    return Stores(
        store, views, SqliteReactions(store), SqliteDelivery(store), inline, SqliteSnapshots(store),
        partial(scrub, store.path),
    )  # fmt: skip


async def _open_postgres(url: str, *, create: bool, durable: bool, clock: Clock | None) -> Stores:
    with _needs("postgres", "psycopg", "a store on PostgreSQL"):
        from headwater.adapters.postgres import delivery, erasing, inline, reactions, snapshots, store, views
    opened = await store.PostgresStore.open(url, create=create, durable=durable, clock=clock)
    kept = views.PostgresViews(opened)
    made = partial(inline.PostgresInlineViews, opened, kept)
    return Stores(
        opened, kept, reactions.PostgresReactions(opened), delivery.PostgresDelivery(opened), made,
        snapshots.PostgresSnapshots(opened), partial(erasing.scrub, opened.server),
    )  # fmt: skip


async def open_keys(url: str, *, create: bool = True, clock: Clock | None = None) -> KeyStore:
    """Open the keys of personal data at `url`: 'sqlite:///keys.db', 'postgresql://…?schema=keys' (by default the schema
    `headwater_keys`) or 'memory:' (gone when they are closed).

    Raises BadInput for an address of another form, MissingExtra, StoreError.
    """
    if url == MEMORY:
        return MemoryKeys(clock=clock)
    if url.startswith(POSTGRES):
        with _needs("postgres", "psycopg", "keys on PostgreSQL"):
            from headwater.adapters.postgres import keys
        return await keys.PostgresKeys.open(url, create=create, clock=clock)
    if url.startswith(SQLITE) and url != SQLITE:
        return await SqliteKeys.open(url.removeprefix(SQLITE), create=create, clock=clock)
    raise BadInput(f"address of keys {url!r}: give 'sqlite:///keys.db', 'postgresql://…?schema=keys' or 'memory:'")


def ring_of(keys: KeyStore) -> "Ring":
    """What encrypts with these keys. Raises MissingExtra."""
    with _needs("personal", "cryptography", "an application with personal fields"):
        from headwater.keys.ring import Ring
    return Ring(keys)


async def open_broker(url: str, *, create: bool = True, clock: Clock | None = None) -> Broker:
    """Open the broker at `url`: 'memory:' (gone when it is closed), 'sqlite:///topics.db' (in a file of its own),
    'nats://host:4222' or 'kafka://host:9092'.

    Raises BadInput for an address of another form, MissingExtra, StoreError.
    """
    time = clock or SystemClock()
    if url == MEMORY:
        return MemoryBroker(clock=time)
    if url.startswith(SQLITE) and url != SQLITE:
        return await SqliteBroker.open(url.removeprefix(SQLITE), create=create, clock=time)
    if url.startswith(NATS):
        with _needs("nats", "nats", "a broker on NATS"):
            from headwater.adapters.nats import broker as nats
        return await nats.NatsBroker.open(url, clock=time)
    if url.startswith(KAFKA):
        with _needs("kafka", "confluent_kafka", "a broker that speaks Kafka's protocol"):
            from headwater.adapters.kafka import broker as kafka
        return await kafka.KafkaBroker.open(url, clock=time)
    raise BadInput(f"broker address {url!r}: give 'sqlite:///topics.db', 'memory:', 'nats://host:4222' or 'kafka://…'")


def _path(url: str) -> str:
    if url == "memory:":
        return ":memory:"
    if url.startswith(SQLITE) and url != SQLITE:
        return url.removeprefix(SQLITE)
    raise BadInput(
        f"store address {url!r}: give 'sqlite:///file.db', 'sqlite:////absolute/file.db', 'memory:' or "
        "'postgresql://user@host/database'"
    )
