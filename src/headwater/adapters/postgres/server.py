"""The way to the server: connections with this store's settings, kept for reading, made again when they break."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, Self, TypeVar

import psycopg
from psycopg_pool import AsyncConnectionPool

from headwater.adapters.postgres import packing
from headwater.adapters.postgres.address import Address
from headwater.adapters.postgres.faults import UNDONE, lost, translate
from headwater.adapters.postgres.migrations import in_schema
from headwater.errors import StoreClosed, StoreReadOnly
from headwater.flow.retry import full_jitter

T = TypeVar("T")
Connection = psycopg.AsyncConnection[tuple[Any, ...]]

LIMITS = {
    "connect_timeout": 10, "keepalives_idle": 30, "keepalives_interval": 10, "keepalives_count": 3,  # seconds
    "tcp_user_timeout": 60_000,  # milliseconds
}  # fmt: skip
"""How soon a network that swallows everything is noticed. What the address says comes first."""
BACKOFF = 0.04  # seconds: the longest wait before the second attempt; doubled for each further one
BACKOFF_CAP = 1.0
READERS = 4
RECONNECT_WITHIN = 5.0  # seconds after which the pool gives up, and begins anew when it is asked: its own waits double
MAX_WAITING = 10_000


class Patience:
    """Bounded retries with full jitter: for at most `seconds` in all."""

    def __init__(self, seconds: float) -> None:
        self._now = asyncio.get_running_loop().time
        self._give_up = self._now() + seconds
        self._attempt = 0

    async def allows(self) -> bool:
        """Wait a moment; False when the time is over."""
        self._attempt += 1
        left = self._give_up - self._now()
        if left <= 0:
            return False
        await asyncio.sleep(min(full_jitter(self._attempt, BACKOFF, BACKOFF_CAP), left))
        return True


class Server:
    """One store's connections. `pooled`: a pooler stands between, which gives a session for one transaction only."""

    def __init__(self, address: Address, *, patience: float, durable: bool) -> None:
        self.address = address
        self.patience = patience
        self._durable = durable
        self.pooled = False
        self.closed = False
        self.connections = 0
        """How many were made: what is remembered from before the last may be of a server that has lost it since."""
        self._pool: AsyncConnectionPool[Connection] | None = None

    @classmethod
    async def reach(cls, address: Address, *, patience: float, durable: bool = True) -> Self:
        """Raises the typed error when the server cannot be reached now."""
        server = cls(address, patience=patience, durable=durable)
        try:
            # Nothing is set here yet: behind a pooler it would stay in a session that is somebody else's next.
            async with await server._unconfigured() as first:
                row: Any = await (await first.execute("SELECT pg_backend_pid(), pg_is_in_recovery()")).fetchone()
                server.pooled = row[0] != first.info.backend_pid
                if row[1]:
                    raise StoreReadOnly(address.shown, "the server is a standby, which cannot tell what is under way")
        except psycopg.Error as error:
            raise translate(error, address.shown) from error
        return server

    def sql(self, text: str) -> bytes:
        """SQL that is written for the schema `headwater`, for this store's."""
        return in_schema(text, self.address.schema).encode()

    async def connect(self) -> Connection:
        """A new connection. Raises the driver's errors."""
        connection = await self._unconfigured()
        await self._configure(connection)
        return connection

    async def _unconfigured(self) -> Connection:
        return await psycopg.AsyncConnection.connect(self.address.conninfo, **self._settings())

    def _settings(self) -> dict[str, Any]:
        settings: dict[str, Any] = {"autocommit": True}
        if "application_name=" not in self.address.conninfo:
            settings["application_name"] = f"headwater {self.address.schema}"
        limits = {name: value for name, value in LIMITS.items() if f"{name}=" not in self.address.conninfo}
        return settings | limits

    async def _configure(self, connection: Connection) -> None:
        self.connections += 1
        packing.register(connection)
        if self.pooled:  # what is set or prepared for a session would meet somebody else's
            connection.prepare_threshold = None
        elif not self._durable:
            await connection.execute("SET synchronous_commit = off")

    @asynccontextmanager
    async def in_one_trip(self, connection: Connection) -> AsyncIterator[None]:
        """A transaction whose statements are sent together; errors come out at its end.

        Behind a pooler its beginning and its end go alone: the driver may close a pipeline with a flush that nothing
        follows, and for that the pooler would take a session and keep it.
        """
        if self.pooled:
            async with connection.transaction(), connection.pipeline():
                yield
        else:
            async with connection.pipeline(), connection.transaction():
                yield

    # -- reading

    async def open_pool(self) -> None:
        """From now on `run` works."""
        self._pool = AsyncConnectionPool(
            self.address.conninfo, kwargs=self._settings(), configure=self._configure, min_size=1, max_size=READERS,
            max_waiting=MAX_WAITING, timeout=self.patience, reconnect_timeout=RECONNECT_WITHIN, open=False,
            name=f"headwater {self.address.schema}",
        )  # fmt: skip
        await self._pool.open()

    @asynccontextmanager
    async def borrowed(self) -> AsyncIterator[Connection]:
        """A connection of the pool for this block. Raises the driver's errors."""
        if self._pool is None or self.closed:
            raise StoreClosed(self.address.shown)
        task = asyncio.current_task()
        cancelled = task.cancelling() if task else 0
        async with self._pool.connection() as connection:
            if task and task.cancelling() > cancelled:  # the pool lets one go by that comes as a connection does
                raise asyncio.CancelledError
            yield connection

    async def run(self, work: Callable[[Connection], Awaitable[T]], *, again: bool = True) -> T:
        """What `work` returns on some connection. Where that breaks or the server undoes it, it is done `again` on
        another one, for as long as the store's patience lasts. Raises typed errors."""
        patience = Patience(self.patience)
        while True:
            try:
                async with self.borrowed() as connection:
                    return await work(connection)
            except psycopg.Error as error:
                if not (isinstance(error, UNDONE) or (again and lost(error))) or not await patience.allows():
                    raise translate(error, self.address.shown) from error
                if lost(error) and self._pool and not self.closed:
                    await self._pool.check()

    async def close(self) -> None:
        """Release all connections. Twice is harmless."""
        self.closed = True
        if self._pool:
            await self._pool.close()
