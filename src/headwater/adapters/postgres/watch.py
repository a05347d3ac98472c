"""Being told that something has changed: at once by this process, by others through LISTEN and NOTIFY or by looking.

Wake-ups are sent after the commit, in a transaction of their own: a NOTIFY inside an append's would make all commits of
the database take turns. One is sent for all changes within `PAUSE` seconds, and only when a reader can see them.
"""

import asyncio
from contextlib import suppress

import psycopg

from headwater.adapters.postgres.server import Connection, Server
from headwater.errors import StoreClosed, StoreError
from headwater.messages import Position

PAUSE = 0.01  # seconds between two wake-ups that are sent
LONGEST_PAUSE = 0.2  # seconds: as often a sender looks whether what it has to tell of can be seen, in the long run
TICK = 0.04  # seconds between two looks, where no wake-ups are to be had
SELDOM = 1.0  # seconds between two looks, where they are
WAKE = "SELECT headwater.wake(%s, %s)"


class Watch:
    """Wakes those who wait for a change. While nobody waits, nobody listens."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._sql = server.sql(WAKE)
        self._channel = f"headwater_{server.address.schema}"[:63]  # names are no longer; to share one costs looks only
        self._waiters: set[asyncio.Future[bool]] = set()
        self._listener: asyncio.Task[None] | None = None
        self._sender: asyncio.Task[None] | None = None
        self._unsent = False
        self._appended: Position = 0
        self._closed = False

    def notify(self, appended: Position = 0) -> None:
        """This process has committed a change; of appends, up to which position."""
        self._wake()
        self._appended = max(self._appended, appended)
        self._unsent = True
        if not self._closed and (self._sender is None or self._sender.done()):
            self._sender = asyncio.create_task(self._send(), name="headwater wake-ups")

    def _wake(self) -> None:
        waiters, self._waiters = self._waiters, set()
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(True)

    async def changed(self, timeout: float) -> bool:
        """True at the next change, or perhaps without one; False after `timeout` seconds. Raises StoreClosed."""
        if self._closed:
            raise StoreClosed(self._server.address.shown)
        if timeout <= 0:
            return False
        waiter: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiters.add(waiter)
        if self._listener is None or self._listener.done():
            self._listener = asyncio.create_task(self._listen(), name="headwater listener")
        try:
            async with asyncio.timeout(timeout):
                return await waiter
        except TimeoutError:
            return False
        finally:
            self._waiters.discard(waiter)

    # -- telling others

    async def _send(self) -> None:
        """Send a wake-up once what was appended can be seen. A lost one costs time only: all look now and then."""
        pause = PAUSE
        with suppress(StoreError):
            while self._unsent:
                self._unsent = False
                if await self._server.run(self._wake_others, again=False):
                    self._wake()
                    pause = PAUSE
                else:  # somebody else's append in front is not yet decided
                    self._unsent = True
                    pause = min(pause * 2, LONGEST_PAUSE)
                await asyncio.sleep(pause)

    async def _wake_others(self, connection: Connection) -> bool:
        cursor = await connection.execute(self._sql, (self._channel, self._appended), prepare=True)
        row = await cursor.fetchone()
        return bool(row and row[0])

    # -- being told

    async def _listen(self) -> None:
        while self._waiters:
            if self._server.pooled:
                await self._look(TICK)
                continue
            try:
                await self._listen_on_a_connection()
            except psycopg.Error:
                await self._look(TICK)

    async def _look(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
        self._wake()

    async def _listen_on_a_connection(self) -> None:
        async with await self._server.connect() as connection:
            await connection.execute(f"LISTEN {self._channel}".encode())
            self._wake()  # what came before may have been missed
            while True:
                async for _ in connection.notifies(timeout=SELDOM, stop_after=1):
                    pass
                self._wake()

    async def close(self) -> None:
        """Stop, then wake everyone."""
        self._closed = True
        tasks = [task for task in (self._listener, self._sender) if task]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._wake()
