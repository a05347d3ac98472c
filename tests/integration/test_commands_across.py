"""Decisions over several streams: a course has a number of seats, whoever takes them."""

import asyncio
from dataclasses import replace

import pytest

from headwater import App, Decider, NewEvent, Query, QueryItem, Rejected, Runtime, Write, command, event, query
from headwater.errors import BadInput
from headwater.testing.running import asynchronous


@event("course.seat_taken")
class SeatTaken:
    course: str
    student: str


@command("course.take_seat")
class TakeSeat:
    course: str
    student: str


def take_seat(wanted: TakeSeat, taken: frozenset[str]) -> list[SeatTaken]:
    if len(taken) >= 5:
        raise Rejected("the course is full", code="full")
    return [] if wanted.student in taken else [SeatTaken(wanted.course, wanted.student)]


def seat_taken(taken: frozenset[str], happened: SeatTaken) -> frozenset[str]:
    return taken | {happened.student}


seats = Decider(
    "student", frozenset, take_seat, seat_taken, stream=lambda wanted: wanted.student,
    query=lambda wanted: query("course.seat_taken", tags=[f"course:{wanted.course}"]),
    tags=lambda happened: [f"course:{happened.course}", f"student:{happened.student}"],
)  # fmt: skip


@asynchronous
async def test_a_limit_across_streams_holds_in_a_race(url: str) -> None:
    async with Runtime.open(App("school", deciders=[seats]), url) as runtime:
        wanted = [TakeSeat(course, f"s{n}") for n in range(12) for course in ("maths", "music")]
        results = await asyncio.gather(*[runtime.execute(each) for each in wanted], return_exceptions=True)
        for course in ("maths", "music"):
            page = await runtime.store.read(query(tags=[f"course:{course}"]))
            assert len({each.stream for each in page.events}) == len(page.events) == 5
        assert sum(isinstance(each, Rejected) for each in results) == 14
        assert not [each for each in results if isinstance(each, BaseException) and not isinstance(each, Rejected)]


@asynchronous
async def test_a_decision_over_a_query_without_an_answer_says_nothing_is_there(url: str) -> None:
    async with Runtime.open(App("school", deciders=[seats]), url) as runtime:
        first = await runtime.execute(TakeSeat("maths", "ann"), id="1")
        again = await runtime.execute(TakeSeat("maths", "ann"))
        assert (first.stream, first.version, again.events) == ("student-ann", 1, ())
        assert (await runtime.execute(TakeSeat("maths", "ann"), id="1")).repeated


def school(wanted: Query) -> App:
    """The seats, folded from what a query finds."""
    return App("school", deciders=[replace(seats, query=lambda _: wanted)])


@asynchronous
async def test_a_query_by_tags_finds_only_what_evolve_handles(url: str) -> None:
    """Others may put the same tag on events of theirs."""
    async with Runtime.open(school(query(tags=["course:maths"])), url) as runtime:
        await runtime.store.append(Write("course-maths", [NewEvent("course.renamed", b"{}", tags=("course:maths",))]))
        for n in range(5):
            await runtime.execute(TakeSeat("maths", f"s{n}"))
        with pytest.raises(Rejected, match="full"):
            await runtime.execute(TakeSeat("maths", "s5"))


@asynchronous
async def test_an_event_of_another_type_does_not_beat_a_decision(url: str) -> None:
    async with Runtime.open(school(query(tags=["course:maths"])), url) as runtime:
        scan, attempts = runtime.store.scan, 0

        async def someone_else_meanwhile(*asked: object, **how: object) -> object:
            nonlocal attempts
            attempts += 1
            batch = await scan(*asked, **how)  # type: ignore[arg-type]
            renamed = NewEvent("course.renamed", b"{}", tags=("course:maths",))
            await runtime.store.append(Write("course-maths", [renamed]))
            return batch

        runtime.store.scan = someone_else_meanwhile  # type: ignore[method-assign, assignment]
        done = await runtime.execute(TakeSeat("maths", "ann"))
        assert (done.version, attempts) == (1, 1)


ONE = QueryItem(("course.seat_taken",), ("course:maths",))


@asynchronous
@pytest.mark.parametrize(
    "asked",
    [
        Query(),
        Query((QueryItem(),)),
        Query((ONE, QueryItem())),
        Query((QueryItem(tags=tuple(f"t{n}" for n in range(33))),)),
        Query((ONE,) * 101),
    ],
    ids=["everything", "an empty item", "an empty item beside another", "33 tags", "101 items"],
)
async def test_a_query_without_a_bound_is_refused(url: str, asked: Query) -> None:
    async with Runtime.open(school(asked), url) as runtime:
        with pytest.raises(BadInput, match="query"):
            await runtime.execute(TakeSeat("maths", "ann"))
        assert await runtime.store.head() == 0


@asynchronous
async def test_a_query_up_to_the_bounds_is_answered(url: str) -> None:
    tags = tuple(f"t{n}" for n in range(31))
    widest = Query((ONE,) * 99 + (QueryItem(tags=(*tags, "course:maths")),))
    async with Runtime.open(school(widest), url) as runtime:
        await runtime.execute(TakeSeat("maths", "ann"))
        assert (await runtime.execute(TakeSeat("maths", "ann"))).events == ()
