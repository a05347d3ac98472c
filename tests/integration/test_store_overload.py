"""A store that gets more than it can write says so, and keeps what it took."""

import asyncio
from pathlib import Path

import pytest

from headwater import NewEvent, Write, open_store
from headwater.adapters.sqlite import writer
from headwater.errors import Overloaded
from headwater.testing.running import asynchronous

BOUND = 10


@asynchronous
async def test_beyond_its_bound_it_is_overloaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "MAX_WAITING", BOUND)
    async with await open_store(f"sqlite:///{tmp_path}/events.db") as store:
        tries = (store.append(Write(f"s-{n}", [NewEvent("x.done", b"{}")])) for n in range(5 * BOUND))
        outcomes = await asyncio.gather(*tries, return_exceptions=True)
        refused = [each for each in outcomes if isinstance(each, BaseException)]
        assert {type(each) for each in refused} == {Overloaded}
        assert await store.head() == len(outcomes) - len(refused) == BOUND
        await store.append(Write("later", [NewEvent("x.done", b"{}")]))
        assert await store.head() == BOUND + 1
