"""Opening and ending a runtime: errors come out as they are, and nothing keeps running."""

import asyncio
from typing import Any

import pytest
from bank import Deposit, Deposited, Send, Stray, accounts, bank

from headwater import App, Reaction, Rejected, Runtime
from headwater.errors import BadInput, NotYetVisible, UnknownType
from headwater.testing.running import asynchronous


@asynchronous
async def test_an_error_of_the_block_comes_out_as_it_is(kept_url: str) -> None:
    with pytest.raises(Rejected, match="only 0p"):
        async with Runtime.open(bank, kept_url) as runtime:
            await runtime.execute(Send("ann", "bob", 5))


@asynchronous
async def test_a_group_of_errors_of_the_block_stays_a_group() -> None:
    with pytest.raises(ExceptionGroup) as caught:
        async with Runtime.open(bank):
            raise ExceptionGroup("mine", [ValueError("one"), KeyError("two")])
    assert caught.value.message == "mine"


@asynchronous
async def test_a_worker_that_cannot_go_on_ends_the_block_with_its_error(kept_url: str) -> None:
    """A command that nobody decides is a fault of the application, which no retry mends."""

    def stray(happened: Deposited) -> list[Any]:
        return [Stray(happened.account)]

    app, ended = App("bank", deciders=[accounts], reactions=[Reaction("stray", stray)]), False
    with pytest.raises(UnknownType, match="Stray"):  # noqa: PT012 - the block is what is tested
        async with Runtime.open(app, kept_url) as runtime:
            await runtime.execute(Deposit("ann", 1))
            try:
                await asyncio.Event().wait()
            finally:
                ended = True
    assert ended


@asynchronous
async def test_idle_names_who_is_behind() -> None:
    def fails(happened: Deposited) -> list[object]:
        raise RuntimeError("not today")

    app = App("bank", deciders=[accounts], reactions=[Reaction("broken", fails)])
    async with Runtime.open(app) as runtime:
        await runtime.execute(Deposit("ann", 1))
        with pytest.raises(NotYetVisible, match="broken"):
            await runtime.idle(timeout=0.05)


@asynchronous
async def test_ending_cancels_a_reaction_in_the_middle() -> None:
    begun, ended = asyncio.Event(), asyncio.Event()

    async def endless(happened: Deposited) -> list[object]:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()
        return []

    app = App("bank", deciders=[accounts], reactions=[Reaction("endless", endless)])
    async with Runtime.open(app) as runtime:
        await runtime.execute(Deposit("ann", 1))
        await begun.wait()
    assert ended.is_set()


@asynchronous
async def test_an_address_of_another_form_is_refused() -> None:
    for address in ("", "sqlite://", "sqlite:///", "mysql://x", "/somewhere/x.db"):
        with pytest.raises(BadInput, match="store address"):
            async with Runtime.open(bank, address):
                raise AssertionError("opened")
