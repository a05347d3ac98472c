"""Laws of views, on random events: rows are the fold, whatever the batches are and whoever goes on."""

from collections.abc import Sequence

import pytest
from bank import (
    BankEvent,
    Closed,
    Deposited,
    Opened,
    Sent,
    accounts,
    as_rows,
    balances,
    expected,
    inline_balances,
    record,
    small_batches,
    tally,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from headwater import App, Runtime
from headwater.testing.running import run
from headwater.views import projector

NAMES = st.sampled_from(["ann", "bob", "cid", "É"])
EVENTS: st.SearchStrategy[BankEvent] = st.one_of(
    st.builds(Opened, NAMES, st.text(max_size=3)),
    st.builds(Deposited, NAMES, st.integers(-100, 100)),
    st.builds(Sent, NAMES, NAMES, st.integers(-100, 100)),
    st.builds(Closed, NAMES),
)
APPENDS = st.lists(st.lists(EVENTS, min_size=1, max_size=8), max_size=12)
app = App("bank", deciders=[accounts], views=[balances, inline_balances, tally])


@given(appends=APPENDS, batch=st.integers(1, 7), cached=st.integers(1, 4), rebuilt=st.booleans())
@settings(max_examples=60)
def test_rows_are_the_fold(appends: Sequence[Sequence[BankEvent]], batch: int, cached: int, rebuilt: bool) -> None:
    """An independent fold finds the same, inline or not, for small batches and with few rows remembered."""
    with pytest.MonkeyPatch.context() as patched:
        small_batches(patched, batch)
        patched.setattr(projector, "MAX_CACHED_ROWS", cached)
        run(_check(appends, rebuilt))


async def _check(appends: Sequence[Sequence[BankEvent]], rebuilt: bool) -> None:
    async with Runtime.open(app) as runtime:
        for number, events in enumerate(appends):
            await record(runtime.store, *events)
            assert as_rows(await runtime.find(inline_balances)) == await expected(runtime.store)
            if rebuilt and number == len(appends) // 2:
                assert [each async for each in runtime.rebuild("balances")]
        await runtime.idle()
        assert as_rows(await runtime.find(balances)) == await expected(runtime.store)
        deposits = [each.pence for events in appends for each in events if isinstance(each, Deposited)]
        counted = await runtime.sql("SELECT pence FROM tally")
        assert sorted(row["pence"] for row in counted) == sorted(deposits)
