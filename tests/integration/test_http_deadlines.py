"""Deadlines: as asyncio.timeout, with one timer for all."""

import asyncio

import pytest
from http_support import served

from headwater.http import Limits
from headwater.http.deadlines import DeadlinePassed, Deadlines


async def _forever() -> None:
    await asyncio.get_running_loop().create_future()


def test_who_is_late_is_told_and_may_go_on() -> None:
    async def main() -> None:
        deadlines = Deadlines(0.02)
        for _ in range(3):
            with pytest.raises(DeadlinePassed):
                await deadlines.run(_forever())
        assert asyncio.current_task().cancelling() == 0  # type: ignore[union-attr]
        assert await deadlines.run(asyncio.sleep(0, "in time")) == "in time"

    asyncio.run(main())


def test_each_has_the_whole_time() -> None:
    async def main() -> None:
        deadlines, now = Deadlines(0.1), asyncio.get_running_loop().time

        async def late() -> float:
            began = now()
            with pytest.raises(DeadlinePassed):
                await deadlines.run(_forever())
            return now() - began

        tasks: set[asyncio.Task[float]] = set()
        for _ in range(4):
            tasks.add(asyncio.create_task(late()))
            await asyncio.wait(tasks, timeout=0.03)
        assert all(0.09 < each < 1 for each in await asyncio.gather(*tasks))

    asyncio.run(main())


def test_a_cancellation_stays_one() -> None:
    async def main() -> None:
        deadlines = Deadlines(60)
        task = asyncio.create_task(deadlines.run(_forever()))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())


def test_a_request_that_takes_too_long_is_a_503() -> None:
    async def main() -> None:
        async with served(Limits(request_timeout=0.05, max_wait=0.04)) as server:

            async def stuck(*_args: object, **_more: object) -> None:
                await _forever()

            server.runtime.store.decide = stuck  # type: ignore[assignment, method-assign]
            server.runtime.store.head = stuck  # type: ignore[assignment, method-assign]
            for answer in (await server.place("o1"), await server.client.get("/ready")):
                assert (answer.status_code, answer.json()["type"]) == (503, "urn:headwater:problem:timed-out")
                assert answer.headers["retry-after"] == "1"

    asyncio.run(main())
