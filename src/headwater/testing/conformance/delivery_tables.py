"""Consumers' tables."""

import pytest

from headwater.errors import BadInput, DeclarationError
from headwater.testing.conformance.delivery_harness import TALLY, Bench, on_bench, require, together
from headwater.views.table import Column, Table


class TestTables:
    """A consumer's tables are made once; queries see them under their plain names."""

    @on_bench
    async def test_none(self, bench: Bench) -> None:
        assert await bench.kept.prepare(bench.consumer, {}) == {}

    @on_bench
    async def test_they_are_seen_under_their_plain_names(self, bench: Bench) -> None:
        await bench.table()
        await bench.settle(await bench.claim(), "a", count="x")
        name = f"{bench.word}_t"
        assert await bench.views.select(f"SELECT * FROM {name}", ()) == [{"key": "x", "n": 1}]
        assert name in await bench.views.names()
        with pytest.raises(BadInput):
            await bench.views.select(f"DELETE FROM {name}", ())

    @on_bench
    async def test_again_they_are_as_they_were(self, bench: Bench) -> None:
        await bench.table()
        names = bench.names
        await bench.settle(await bench.claim(), "a", count="x")
        await bench.table()
        assert (bench.names, await bench.tally()) == (names, {"x": 1})
        one, two = f"{bench.word}_t", f"{bench.word}_two"
        made = await bench.kept.prepare(bench.consumer, {two: "n INTEGER", one: f"\n  {TALLY}\n"})
        assert (sorted(made), made[one]) == ([one, two], names["t"])

    @on_bench
    async def test_other_columns_are_refused_and_nothing_is_made(self, bench: Bench) -> None:
        await bench.table()
        name, new = f"{bench.word}_t", f"{bench.word}_new"
        with pytest.raises(DeclarationError, match=f"{name}.*another name"):
            await bench.kept.prepare(bench.consumer, {new: "n INTEGER", name: "n INTEGER"})
        assert new not in await bench.views.names()
        await bench.settle(await bench.claim(), "a", count="x")
        assert await bench.tally() == {"x": 1}

    @on_bench
    async def test_columns_that_no_database_knows_are_refused(self, bench: Bench) -> None:
        with pytest.raises(DeclarationError, match=bench.consumer):
            await bench.kept.prepare(bench.consumer, {f"{bench.word}_t": "n NOT"})
        assert f"{bench.word}_t" not in await bench.views.names()
        await bench.table()

    @on_bench
    async def test_names_that_are_taken_are_refused(self, bench: Bench) -> None:
        await bench.table()
        view = f"{bench.word}_view"
        await bench.views.create(view, 1, "", [Table(view, [Column("key", "text"), Column("n", "integer")])])
        for name in ("event", "events", "delivery_letter", view):
            with pytest.raises(DeclarationError, match=f"{name}.*another name"):
                await bench.kept.prepare(bench.consumer, {name: TALLY})
        with pytest.raises(DeclarationError, match=f"{bench.consumer}.*another name"):
            await bench.kept.prepare(f"{bench.word}_other", {f"{bench.word}_t": TALLY})

    @on_bench
    async def test_a_view_does_not_take_their_names(self, bench: Bench) -> None:
        await bench.table()
        name = f"{bench.word}_t"
        with pytest.raises(DeclarationError, match=name):
            await bench.views.create(name, 1, "", [Table(name, [Column("key", "text"), Column("n", "integer")])])
        assert await bench.tally() == {}

    @on_bench
    async def test_they_outlive_views_whatever_they_are_called(self, bench: Bench) -> None:
        """Tables of a view's build end with its number."""
        view = f"{bench.word}_view"
        build = await bench.views.create(view, 1, "", [Table(view, [Column("key", "text"), Column("n", "integer")])])
        name = f"{bench.word}__{build.id}"
        await bench.kept.prepare(bench.consumer, {name: TALLY})
        newer = await bench.views.create(view, 2, "", [Table(view, [Column("key", "text"), Column("n", "integer")])])
        await bench.views.promote(newer, [Table(view, [Column("key", "text"), Column("n", "integer")])])
        assert await bench.views.select(f"SELECT * FROM {name}", ()) == []

    @on_bench
    async def test_several_who_prepare_at_once(self, bench: Bench) -> None:
        require(bench, lambda can: can.shared, "shared")
        name = f"{bench.word}_t"
        async with bench.open(bench.clock) as other:
            calls = [
                kept.prepare(bench.consumer, {name: TALLY}) for kept in (bench.kept, other.delivery) for _ in range(3)
            ]
            made = await together(*calls)
        assert [list(each) for each in made] == [[name]] * 6
