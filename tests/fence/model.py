"""The order fence as a model, small enough to be explored in full.

Each step stands for something PostgreSQL does in one go: reading the sequence, taking a lock, drawing a position,
making a commit visible, letting its locks go (later: visibility comes first), taking a snapshot. Between two steps of
one process any others may come. A writer may roll back, or be killed, at any step before its commit. Not modelled: that
the server itself crashes, since then no transaction lives on, and no lock.

A variant changes one rule. `explore` walks every order of steps and returns the first that breaks the promise: whatever
becomes visible at or below a reader's cursor has been delivered to it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, auto
from typing import NamedTuple

NOTHING = 1 << 30
"""The lowest lock where none is held."""


class Variant(Enum):
    """How reading or writing goes."""

    FENCED = auto()
    """As it is built."""
    NAIVE = auto()
    """The reader takes whatever it sees after its cursor."""
    FUSED = auto()
    """The fence is computed inside the statement that scans: after its snapshot."""
    LOCKS_FIRST = auto()
    """The reader looks at the locks before the sequence."""
    LOCK_AFTER_DRAWING = auto()
    """The writer locks the position before its own once it has drawn that."""
    RELEASED_TOO_EARLY = auto()
    """The lock goes before the commit is visible."""
    FRESH_SEQUENCE_SAYS_1 = auto()
    """Nobody asks whether the sequence was ever drawn from: a new one says 1."""


class Writer(NamedTuple):
    """`step` of the transaction under way; `left`: how many positions each transaction to come draws."""

    left: tuple[int, ...]
    step: str = "idle"
    key: int = 0
    locked: bool = False
    drawn: tuple[int, ...] = ()


class Reader(NamedTuple):
    step: str = "begin"
    high: int = 0
    lowest: int = NOTHING
    seen: frozenset[int] = frozenset()
    cursor: int = 0
    delivered: frozenset[int] = frozenset()


class State(NamedTuple):
    writers: tuple[Writer, ...]
    readers: tuple[Reader, ...]
    last: int = 0
    visible: frozenset[int] = frozenset()

    @property
    def skipped(self) -> set[int]:
        """What is visible, lies behind a reader's cursor, and was never delivered to it."""
        return {p for reader in self.readers for p in self.visible if p <= reader.cursor and p not in reader.delivered}


@dataclass(frozen=True)
class Explored:
    """`trace` is the shortest way to a skip, a line for each step; empty where there is none."""

    states: int
    trace: tuple[str, ...]


def start(*writers: tuple[int, ...], readers: int = 1) -> State:
    """Writers by the positions that their transactions draw, such as (2, 1): two, then one."""
    return State(tuple(sorted(Writer(left) for left in writers)), (Reader(),) * readers)


def explore(first: State, variant: Variant) -> Explored:
    """Walk all that can happen, breadth first."""
    came_from: dict[State, tuple[State, str] | None] = {first: None}
    frontier = [first]
    while frontier:
        following = []
        for state in frontier:
            for what, then in steps(state, variant):
                if then not in came_from:
                    came_from[then] = state, what
                    if then.skipped:
                        return Explored(len(came_from), _trace(then, came_from))
                    following.append(then)
        frontier = following
    return Explored(len(came_from), ())


def _trace(state: State, came_from: dict[State, tuple[State, str] | None]) -> tuple[str, ...]:
    lines = [f"skipped: {sorted(state.skipped)}"]
    while (before := came_from[state]) is not None:
        state, what = before
        lines.append(what)
    return tuple(reversed(lines))


def steps(state: State, variant: Variant) -> Iterator[tuple[str, State]]:
    """Everything that may happen next: what, and the state then. Writers are interchangeable, so they stay sorted."""
    for number, writer in enumerate(state.writers):
        others = state.writers[:number] + state.writers[number + 1 :]
        for what, then, last, visible in write(writer, state.last, variant):
            joined = tuple(sorted((*others, then)))
            yield f"writer {what}", State(joined, state.readers, last, state.visible | visible)
    for number, reader in enumerate(state.readers):
        what, read_on = read(reader, state, variant)
        readers = (*state.readers[:number], read_on, *state.readers[number + 1 :])
        yield f"reader {number} {what}", state._replace(readers=readers)


# -- writing

Written = tuple[str, Writer, int, frozenset[int]]
NONE: frozenset[int] = frozenset()


def write(writer: Writer, last: int, variant: Variant) -> Iterator[Written]:
    """A writer's next step, or its end: what, the writer, the sequence's last value, what has become visible."""
    match writer.step:
        case "idle" if writer.left:
            key = max(last, 1) if variant is Variant.FRESH_SEQUENCE_SAYS_1 else last
            late = variant is Variant.LOCK_AFTER_DRAWING
            yield f"reads {key}", writer._replace(step="draw" if late else "lock", key=key), last, NONE
        case "lock":
            yield f"locks {writer.key}", writer._replace(step="draw", locked=True), last, NONE
        case "draw":
            yield _draw(writer, last, variant)
        case "late lock":
            yield (
                f"locks {writer.drawn[0] - 1}",
                writer._replace(step="commit", key=writer.drawn[0] - 1, locked=True),
                last,
                NONE,
            )
        case "commit":
            yield from _commit(writer, last, variant)
        case "release" | "show":
            yield from _finish(writer, last)
    if writer.step in ("lock", "draw", "late lock", "commit"):
        yield f"rolls back {writer.drawn}", Writer(writer.left[1:]), last, NONE


def _draw(writer: Writer, last: int, variant: Variant) -> Written:
    drawn = (*writer.drawn, last + 1)
    after = "late lock" if variant is Variant.LOCK_AFTER_DRAWING else "commit"
    step = after if len(drawn) == writer.left[0] else "draw"
    return f"draws {last + 1}", writer._replace(step=step, drawn=drawn), last + 1, NONE


def _commit(writer: Writer, last: int, variant: Variant) -> Iterator[Written]:
    if variant is Variant.RELEASED_TOO_EARLY:
        yield "lets its lock go", writer._replace(step="show", locked=False), last, NONE
    else:
        yield f"commits {writer.drawn}", writer._replace(step="release"), last, frozenset(writer.drawn)


def _finish(writer: Writer, last: int) -> Iterator[Written]:
    shown = frozenset(writer.drawn) if writer.step == "show" else NONE
    yield f"is done with {writer.drawn}", Writer(writer.left[1:]), last, shown


# -- reading


def read(reader: Reader, state: State, variant: Variant) -> tuple[str, Reader]:
    """The reader's next step. It begins again after each page."""
    if variant is Variant.NAIVE:
        new = frozenset(p for p in state.visible if p > reader.cursor)
        return f"reads {sorted(new)}", _deliver(reader, new, max(new, default=reader.cursor))
    order = {
        Variant.FUSED: ("snapshot", "sequence", "locks", "scan"),
        Variant.LOCKS_FIRST: ("locks", "sequence", "snapshot", "scan"),
    }.get(variant, ("sequence", "locks", "snapshot", "scan"))
    number = 0 if reader.step == "begin" else int(reader.step)
    then = reader._replace(step=str(number + 1))
    match order[number]:
        case "sequence":
            high = max(state.last, 1) if variant is Variant.FRESH_SEQUENCE_SAYS_1 else state.last
            return f"sees the sequence at {high}", then._replace(high=high)
        case "locks":
            lowest = min((each.key for each in state.writers if each.locked), default=NOTHING)
            return f"sees the lowest lock at {lowest if lowest < NOTHING else 'none'}", then._replace(lowest=lowest)
        case "snapshot":
            return f"takes a snapshot of {sorted(state.visible)}", then._replace(seen=state.visible)
        case _:
            fence = min(reader.high, reader.lowest)
            new = frozenset(p for p in reader.seen if reader.cursor < p <= fence)
            return f"reads {sorted(new)} up to {fence}", _deliver(reader, new, max(fence, reader.cursor))


def _deliver(reader: Reader, new: frozenset[int], cursor: int) -> Reader:
    return Reader(cursor=cursor, delivered=reader.delivered | new)
