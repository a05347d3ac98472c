"""Which offsets of a partition are worked off: everything before a point, and some beyond it."""

from collections import deque
from collections.abc import Sequence

Range = tuple[int, int]
"""First and last offset, both included, of some that were added one after the other and are all done."""


class Tracker:
    """Offsets are added as they come, in rising order, and done in any order. Pure. Every step takes constant time on
    average, `sparse` as much as there is from the first open offset on, and a page that is done at once as little as
    one offset (`skip`)."""

    def __init__(self) -> None:
        self.prefix = 0
        """The next offset to commit: everything that was added before it is done."""
        self._open: set[int] = set()
        self._order: deque[int] = deque()  # what was added, from the first that is open on
        self._restored: deque[Range] = deque()
        self._end = 0  # one after the last that was added

    @property
    def open(self) -> int:
        """How many are added and not done."""
        return len(self._open)

    @property
    def ahead(self) -> int:
        """How many were added, and are done, beyond one that is open."""
        return len(self._order) - len(self._open)

    def restore(self, prefix: int, done: Sequence[Range] = ()) -> None:
        """Begin where another one stopped: with its prefix and what it knew to be `sparse`."""
        self.prefix = self._end = prefix
        self._open.clear()
        self._order.clear()
        self._restored = deque(each for each in done if each[1] >= prefix)

    def add(self, offset: int) -> bool:
        """Begin with an offset; False if it is done already. Raises ValueError for one that is not beyond the last."""
        if offset < self._end:
            raise ValueError(f"offset {offset} was added after {self._end - 1}")
        self._end = offset + 1
        if self._restored and self._was_done(offset):
            if self._open:
                self._order.append(offset)
            else:
                self.prefix = offset + 1
            return False
        self._open.add(offset)
        self._order.append(offset)
        return True

    def _was_done(self, offset: int) -> bool:
        while self._restored and self._restored[0][1] < offset:
            self._restored.popleft()
        return bool(self._restored) and self._restored[0][0] <= offset

    @property
    def clear(self) -> bool:
        """Whether nothing is open, and nothing further on is known to be done: `skip` may be called."""
        return not self._open and not self._restored

    def skip(self, last: int) -> None:
        """Add all offsets up to `last`, done at once."""
        self.prefix = self._end = last + 1

    def done(self, offset: int) -> None:
        """An offset is worked off. One that was not added, or is done already, changes nothing."""
        if offset not in self._open:
            return
        self._open.remove(offset)
        order = self._order
        if order[0] != offset:
            return
        while order and order[0] not in self._open:
            order.popleft()
        self.prefix = order[0] if order else self._end

    @property
    def sparse(self) -> list[Range]:
        """What is done beyond the prefix, as ranges in order; between two of them something is open, or not added."""
        ranges: list[Range] = []
        follows = False  # whether nothing is open since the last range
        if self.ahead:
            for offset in self._order:
                if offset in self._open:
                    follows = False
                elif follows:
                    ranges[-1] = ranges[-1][0], offset
                else:
                    ranges.append((offset, offset))
                    follows = True
        for first, last in self._restored:
            if first < self._end <= last and follows:
                ranges[-1] = ranges[-1][0], last
            elif last >= self._end:
                ranges.append((max(first, self._end), last))
        return ranges


def encode_ranges(ranges: Sequence[Range], limit: int) -> str:
    """Ranges as text of at most `limit` characters: '5-9,12'. The highest ones are left out where it would be longer;
    they are merely done again."""
    parts: list[str] = []
    size = 0
    for first, last in ranges:
        part = str(first) if first == last else f"{first}-{last}"
        size += len(part) + bool(parts)
        if size > limit:
            break
        parts.append(part)
    return ",".join(parts)


def decode_ranges(text: str) -> list[Range]:
    """The ranges of a text that `encode_ranges` made. Raises ValueError for any other."""
    ranges: list[Range] = []
    for part in text.split(",") if text else ():
        first, _, last = part.partition("-")
        ranges.append((int(first), int(last or first)))
    return ranges
