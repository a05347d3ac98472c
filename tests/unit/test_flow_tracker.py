"""Trackers, against sets that are looked through anew at every step; and ranges as text."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.flow.tracker import Range, Tracker, decode_ranges, encode_ranges

STEPS = st.lists(st.tuples(st.integers(1, 3), st.lists(st.integers(0, 50), max_size=3)), max_size=30)
"""By how much each offset is beyond the last, and which of those added so far are done after it."""


class Naive:
    """What a tracker is to know."""

    def __init__(self) -> None:
        self.added: list[int] = []
        self.done: set[int] = set()

    @property
    def missing(self) -> list[int]:
        return [offset for offset in self.added if offset not in self.done]

    def check(self, tracker: Tracker) -> None:
        first = min(self.missing, default=10**9)
        assert not [offset for offset in self.missing if offset < tracker.prefix], "it never passes an unfinished one"
        assert not [offset for offset in self.added if tracker.prefix <= offset < first], "nor stays behind the done"
        beyond = [offset for offset in self.added if offset in self.done and offset > first]
        assert (tracker.open, tracker.ahead) == (len(self.missing), len(beyond))
        ranges = tracker.sparse
        assert [each for each in self.added if each >= tracker.prefix and covered(each, ranges)] == beyond
        assert not [each for each in self.missing if covered(each, ranges)]
        assert all(one[1] < other[0] for one, other in pairwise(ranges)), "in order, and apart"
        assert decode_ranges(encode_ranges(ranges, 10_000)) == ranges
        assert tracker.clear <= (not self.missing)


def covered(offset: int, ranges: list[Range]) -> bool:
    return any(first <= offset <= last for first, last in ranges)


def follow(tracker: Tracker, naive: Naive, start: int, steps: list[tuple[int, list[int]]]) -> None:
    offset = start
    for number, (more, done) in enumerate(steps):
        offset += more if number else 0
        assert tracker.add(offset) == (offset not in naive.done)
        naive.added.append(offset)
        for each in done:
            tracker.done(naive.added[each % len(naive.added)])
            naive.done.add(naive.added[each % len(naive.added)])
            naive.check(tracker)
        naive.check(tracker)


@given(STEPS, st.integers(0, 5))
def test_a_tracker_knows_what_sets_know(steps: list[tuple[int, list[int]]], start: int) -> None:
    tracker, naive = Tracker(), Naive()
    tracker.restore(start)
    follow(tracker, naive, start, steps)
    for offset in naive.missing:
        tracker.done(offset)
    assert tracker.prefix == (naive.added[-1] + 1 if naive.added else start)
    assert tracker.clear
    assert (tracker.open, tracker.ahead, tracker.sparse) == (0, 0, [])


@given(STEPS, st.integers(0, 5), st.data())
def test_another_one_goes_on_where_one_stopped(
    steps: list[tuple[int, list[int]]], start: int, data: st.DataObject
) -> None:
    tracker, naive = Tracker(), Naive()
    tracker.restore(start)
    follow(tracker, naive, start, steps)
    for _ in range(3):  # stopped, again and again, before everything that was done has come by again
        again, before = Tracker(), tracker.sparse
        again.restore(tracker.prefix, before)
        known = set(naive.done)
        left = [offset for offset in naive.added if offset >= tracker.prefix]
        for offset in left[: data.draw(st.integers(0, len(left)))]:
            assert again.add(offset) == (offset not in known)
            if offset not in known and data.draw(st.booleans()):
                again.done(offset)
                naive.done.add(offset)
            assert all(each in naive.done for each in naive.added if each < again.prefix)
        for offset in left:
            if offset in naive.done and offset >= again.prefix:
                assert covered(offset, again.sparse), "what is done is remembered"
            elif offset not in naive.done:
                assert not covered(offset, again.sparse)
        tracker = again


def test_a_page_at_once_and_offsets_that_go_back() -> None:
    tracker = Tracker()
    tracker.restore(5)
    assert tracker.clear
    tracker.skip(99)
    assert tracker.prefix == 100
    assert tracker.add(103)
    assert not tracker.clear
    with pytest.raises(ValueError, match="offset 103 was added after 103"):
        tracker.add(103)
    tracker.done(50)
    tracker.done(104)
    assert tracker.open == 1
    tracker.done(103)
    tracker.done(103)
    assert tracker.prefix == 104


@given(st.lists(st.tuples(st.integers(0, 10**9), st.integers(0, 10**6)), max_size=30), st.integers(0, 60))
def test_ranges_that_are_too_long_leave_out_the_highest(pairs: list[tuple[int, int]], limit: int) -> None:
    ranges = [(first, first + more) for first, more in pairs]
    text = encode_ranges(ranges, limit)
    assert len(text) <= limit
    kept = decode_ranges(text)
    assert kept == ranges[: len(kept)]
    assert len(kept) == len(ranges) or len(encode_ranges(ranges[: len(kept) + 1], 10**9)) > limit
