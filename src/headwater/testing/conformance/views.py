"""The suite that every adapter of the ViewStore port passes. One fixture declares an adapter:

    from headwater.testing.conformance.views import OpenViews, ViewStoreConformance

    class TestMyViews(ViewStoreConformance):
        @pytest.fixture
        def open_views(self, tmp_path):
            @asynccontextmanager
            async def open():
                yield MyViews(tmp_path / "views")
            return open

`open()` is a context in which there are views, at first none. It needs pytest.
"""

import asyncio
import functools
import inspect
from collections.abc import Callable, Coroutine, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol

import pytest

from headwater.errors import BadInput, DeclarationError, Fenced
from headwater.testing.running import run
from headwater.views.port import Advance, Build, Changes, ViewStore
from headwater.views.table import Column, Row, Table


class OpenViews(Protocol):
    """Opens an empty store of views for a block."""

    def __call__(self) -> AbstractAsyncContextManager[ViewStore]: ...


def on_views(test: Callable[[Any, ViewStore], Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """Make a method `test(self, views)` a test of a new, empty store of views."""

    @functools.wraps(test)
    def body(self: Any, open_views: OpenViews) -> None:
        async def main() -> None:
            async with open_views() as views:
                await test(self, views)

        run(main())

    # Runners of tests fill arguments by name: the views are made here, from `open_views`.
    signature = inspect.signature(test)
    renamed = [
        each.replace(name={"views": "open_views"}.get(name, name)) for name, each in signature.parameters.items()
    ]
    setattr(body, "__signature__", signature.replace(parameters=renamed))  # noqa: B010 - unknown to type checkers
    return body


Wheres = Sequence[tuple[Sequence[tuple[str, Sequence[Any]]], str]]

COLUMNS = (Column("key", "text"), Column("order", "integer"), Column("price", "decimal"), Column("parts", "json"))
SHELF = Table("shelf", COLUMNS, [("order",)])
NOTES = Table("notes", body="word TEXT NOT NULL, number INTEGER")
ROWS: Sequence[Row] = [
    ("a", 1, "9.5", "[]"),
    ("b", None, "10", '["x"]'),
    ("c", 3, None, "{}"),
    ("d", 3, "-2", "null"),
]


async def shelf(views: ViewStore, version: int = 1) -> Build:
    """A new build of the keyed view."""
    return await views.create("shelf", version, "shape", [SHELF])


async def notes(views: ViewStore) -> Build:
    """A new build of the view that is written by statements."""
    return await views.create("notes", 1, "shape", [NOTES])


async def put(views: ViewStore, build: Build, rows: Sequence[Row] = ROWS, position: int = 1) -> Build:
    """Write rows and move the build to a position."""
    return (await views.write([Advance(build, [SHELF], Changes(rows), position)]))[0]


async def all_rows(views: ViewStore, build: Build) -> list[Row]:
    """What is in a build, by key."""
    return await views.find(build, SHELF, [], [("key", False)], 1_000, 0)


class TestBuilds:
    """A view is a series of builds, of which one is live."""

    @on_views
    async def test_there_are_none_at_first(self, views: ViewStore) -> None:
        assert await views.builds() == []

    @on_views
    async def test_the_first_of_its_name_is_live(self, views: ViewStore) -> None:
        first, other, second = await shelf(views), await notes(views), await shelf(views, 2)
        assert [each.live for each in (first, other, second)] == [True, True, False]
        assert (second.name, second.version, second.definition, second.position) == ("shelf", 2, "shape", 0)
        assert await views.builds() == [first, other, second]
        assert len({first.id, other.id, second.id}) == 3

    @on_views
    async def test_claiming_raises_the_epoch(self, views: ViewStore) -> None:
        build = await shelf(views)
        claimed = await views.claim(build)
        assert claimed.epoch > build.epoch
        assert await views.builds() == [claimed]
        with pytest.raises(Fenced):
            await put(views, build)
        assert (await put(views, claimed)).position == 1

    @on_views
    async def test_claiming_tells_where_the_build_stands(self, views: ViewStore) -> None:
        build = await shelf(views)
        await put(views, build, position=7)
        assert (await views.claim(build)).position == 7

    @on_views
    async def test_a_build_that_is_gone_cannot_be_claimed(self, views: ViewStore) -> None:
        build = await shelf(views)
        await views.drop(build)
        with pytest.raises(Fenced):
            await views.claim(build)

    @on_views
    async def test_dropping_twice_is_harmless(self, views: ViewStore) -> None:
        first, second = await shelf(views), await shelf(views, 2)
        await views.drop(second)
        await views.drop(second)
        assert await views.builds() == [first]
        with pytest.raises(Fenced):
            await all_rows(views, second)


class TestTakingOver:
    """A build takes over from the live one in one step."""

    @on_views
    async def test_the_others_are_dropped(self, views: ViewStore) -> None:
        old, other, left, new = await shelf(views), await notes(views), await shelf(views), await shelf(views, 2)
        await put(views, old, ROWS[:1])
        new = await put(views, new, ROWS[1:])
        await views.promote(new, [SHELF])
        assert [(each.id, each.live) for each in await views.builds()] == [(other.id, True), (new.id, True)]
        for gone in (old, left):
            with pytest.raises(Fenced):
                await all_rows(views, gone)
            with pytest.raises(Fenced):
                await views.rows(gone, SHELF, ["a"])
            with pytest.raises(Fenced):
                await views.count(gone, SHELF, [])
            with pytest.raises(Fenced):
                await put(views, gone, position=9)
        assert await all_rows(views, new) == ROWS[1:]

    @on_views
    async def test_the_plain_name_shows_the_live_build(self, views: ViewStore) -> None:
        old, new = await put(views, await shelf(views), ROWS[:1]), await put(views, await shelf(views, 2), ROWS[1:])
        sql = 'SELECT key, "order" FROM shelf ORDER BY key'
        assert await views.select(sql, ()) == [{"key": "a", "order": 1}]
        await views.promote(new, [SHELF])
        assert await views.select(sql, (), names=False) == [row[:2] for row in ROWS[1:]]
        await views.drop(old)
        assert len(await views.select(sql, ())) == 3

    @on_views
    async def test_a_fenced_build_does_not_take_over(self, views: ViewStore) -> None:
        old, new = await shelf(views), await shelf(views, 2)
        claimed = await views.claim(new)
        with pytest.raises(Fenced):
            await views.promote(new, [SHELF])
        assert await views.builds() == [old, claimed]

    @on_views
    async def test_one_that_took_over_is_not_dropped_as_left_over(self, views: ViewStore) -> None:
        await shelf(views)
        new = await shelf(views, 2)
        await views.promote(new, [SHELF])
        await views.drop(new)  # by whoever believes that it is not live yet
        assert [(each.id, each.live) for each in await views.builds()] == [(new.id, True)]


class TestWriting:
    """Changes and checkpoint are one."""

    @on_views
    async def test_rows_are_put_replaced_and_deleted(self, views: ViewStore) -> None:
        build = await put(views, await shelf(views))
        changes = Changes([("a", 5, "1.50", "[]"), ("e", 5, None, "[]")], ["b", "nothing"])
        build = (await views.write([Advance(build, [SHELF], changes, 4)]))[0]
        assert build.position == 4
        assert await views.builds() == [build]
        assert await all_rows(views, build) == [("a", 5, "1.50", "[]"), *ROWS[2:], ("e", 5, None, "[]")]

    @on_views
    async def test_a_checkpoint_may_move_alone(self, views: ViewStore) -> None:
        build = await shelf(views)
        assert (await put(views, build, [], 500)).position == 500
        assert await views.write([]) == []

    @on_views
    async def test_a_write_from_another_position_writes_nothing(self, views: ViewStore) -> None:
        build = await shelf(views)
        moved = await put(views, build, ROWS[:1], 5)
        with pytest.raises(Fenced):
            await put(views, build, ROWS[1:], 6)
        assert await all_rows(views, moved) == ROWS[:1]
        assert await views.builds() == [moved]

    @on_views
    async def test_several_advances_are_one(self, views: ViewStore) -> None:
        one, two = await shelf(views), await notes(views)
        statements = Changes(statements=[("INSERT INTO {notes} VALUES (?, ?)", ("x", 1))])
        stale = await views.claim(two), two
        with pytest.raises(Fenced):
            await views.write([Advance(one, [SHELF], Changes(ROWS), 3), Advance(stale[1], [NOTES], statements, 3)])
        assert await all_rows(views, one) == []
        moved = await views.write([Advance(one, [SHELF], Changes(ROWS), 3), Advance(stale[0], [NOTES], statements, 3)])
        assert [each.position for each in moved] == [3, 3]
        assert await views.select("SELECT * FROM notes", ()) == [{"word": "x", "number": 1}]

    @on_views
    async def test_statements_run_in_order(self, views: ViewStore) -> None:
        build = await notes(views)
        statements = [
            ("INSERT INTO {notes} VALUES (?, ?)", ("x", 1)),
            ("UPDATE {notes} SET number = number + ?", (10,)),
            ("INSERT INTO {notes} SELECT 'y', number FROM {notes}", ()),
        ]
        await views.write([Advance(build, [NOTES], Changes(statements=statements), 1)])
        assert await views.select("SELECT * FROM notes ORDER BY word", (), names=False) == [("x", 11), ("y", 11)]

    @on_views
    async def test_a_statement_that_fails_undoes_all(self, views: ViewStore) -> None:
        build = await notes(views)
        for wrong in (("INSERT INTO {notes} VALUES (NULL, 1)", ()), ("INSERT INTO nowhere VALUES (1)", ()), ("NO", ())):
            changes = Changes(statements=[("INSERT INTO {notes} VALUES ('x', 1)", ()), wrong])
            with pytest.raises(DeclarationError, match="notes"):
                await views.write([Advance(build, [NOTES], changes, 1)])
        assert await views.builds() == [build]
        assert await views.select("SELECT * FROM notes", ()) == []

    @on_views
    async def test_whole_numbers_of_any_size_are_kept(self, views: ViewStore) -> None:
        build = await put(views, await shelf(views), [("a", 2**63 - 1, None, ""), ("b", 2**63, None, "")])
        assert [int(row[1]) for row in await all_rows(views, build)] == [2**63 - 1, 2**63]

    @on_views
    async def test_of_two_who_write_at_once_one_is_fenced(self, views: ViewStore) -> None:
        build = await shelf(views)
        both = [put(views, build, ROWS[n : n + 1], n + 1) for n in range(2)]
        results = await asyncio.gather(*both, return_exceptions=True)
        assert sorted(type(each).__name__ for each in results) == ["Build", "Fenced"]
        assert len(await all_rows(views, build)) == 1


class TestAsking:
    """Rows by key, by the values of columns, and by SQL."""

    @on_views
    async def test_rows_by_key(self, views: ViewStore) -> None:
        build = await put(views, await shelf(views))
        assert sorted(await views.rows(build, SHELF, ["c", "a", "nothing"])) == [ROWS[0], ROWS[2]]
        assert await views.rows(build, SHELF, []) == []

    @on_views
    async def test_rows_by_values(self, views: ViewStore) -> None:
        build = await put(views, await shelf(views))
        wheres: Wheres = (
            ([], "abcd"),
            ([("order", [3])], "cd"),
            ([("order", [1, 3])], "acd"),
            ([("order", [None])], "b"),
            ([("order", [None, 1])], "ab"),
            ([("order", [3]), ("price", ["-2"])], "d"),
            ([("key", ["nothing"])], ""),
        )
        for where, expected in wheres:
            found = await views.find(build, SHELF, where, [("key", False)], 10, 0)
            assert "".join(row[0] for row in found) == expected
            assert await views.count(build, SHELF, where) == len(expected)

    @on_views
    async def test_order_and_pages(self, views: ViewStore) -> None:
        build = await put(views, await shelf(views))
        for order, limit, offset, expected in (
            ([("key", True)], 10, 0, "dcba"),
            ([("order", True), ("key", False)], 2, 0, "cd"),
            ([("key", False)], 2, 3, "d"),
            ([("key", False)], 0, 0, ""),
        ):
            found = await views.find(build, SHELF, [], order, limit, offset)
            assert "".join(row[0] for row in found) == expected

    @on_views
    async def test_decimals_are_sorted_by_value(self, views: ViewStore) -> None:
        build = await put(views, await shelf(views))
        found = await views.find(build, SHELF, [], [("price", True)], 3, 0)
        assert [row[2] for row in found] == ["10", "9.5", "-2"]

    @on_views
    async def test_sql_only_reads(self, views: ViewStore) -> None:
        build = await put(views, await shelf(views))
        for sql in ("DELETE FROM shelf", "DROP TABLE shelf", "SELECT 1; SELECT 2", "", "SELECT nothing FROM shelf"):
            with pytest.raises(BadInput):
                await views.select(sql, ())
        assert await all_rows(views, build) == ROWS

    @on_views
    async def test_a_change_wakes_those_who_wait(self, views: ViewStore) -> None:
        build = await shelf(views)
        waiting = asyncio.create_task(views.changed(10))
        await asyncio.sleep(0)
        await put(views, build)
        assert await waiting
        assert not await views.changed(0)


class ViewStoreConformance:
    """All subjects. Inherit from it and give it the fixture `open_views`."""

    TestBuilds = TestBuilds
    TestTakingOver = TestTakingOver
    TestWriting = TestWriting
    TestAsking = TestAsking
