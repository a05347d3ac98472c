"""Being told that a file has changed: at once by this process, within 20 ms by others."""

import asyncio

import apsw

TICK = 0.02  # seconds; reading the change counter takes about a microsecond


class Watch:
    """Wakes those who wait for a change. While nobody waits, nothing runs."""

    def __init__(self, reader: apsw.Connection, *, shared: bool) -> None:
        self._reader = reader
        self._shared = shared
        self._waiters: set[asyncio.Future[bool]] = set()
        self._ticker: asyncio.Task[None] | None = None
        self._seen = self._counter()

    def _counter(self) -> int:
        """SQLite's own counter of commits by other connections (in shared memory: no file is read)."""
        counter: int = self._reader.execute("PRAGMA data_version").get
        return counter

    def notify(self) -> None:
        """This process has committed."""
        waiters, self._waiters = self._waiters, set()
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(True)

    async def changed(self, timeout: float) -> bool:
        """True at the next change; False when `timeout` seconds are over."""
        if timeout <= 0:
            return False
        waiter: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiters.add(waiter)
        if self._shared and (self._ticker is None or self._ticker.done()):
            self._ticker = asyncio.create_task(self._tick(), name="headwater file watch")
        try:
            async with asyncio.timeout(timeout):
                return await waiter
        except TimeoutError:
            return False
        finally:
            self._waiters.discard(waiter)

    async def _tick(self) -> None:
        while self._waiters:
            counter = self._counter()
            if counter != self._seen:
                self._seen = counter
                self.notify()
            await asyncio.sleep(TICK)

    async def close(self) -> None:
        """Stop, then wake everyone. Whoever closes the store must close its connections before they come to run."""
        self._shared = False  # nobody starts another ticker
        if self._ticker:
            self._ticker.cancel()
            await asyncio.gather(self._ticker, return_exceptions=True)
        self.notify()
