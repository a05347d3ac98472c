"""Who talks to whom, as SVG text: boxes from left to right, arrows as thick as there was talk."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from itertools import pairwise
from statistics import fmean
from typing import Final

import msgspec

from headwater_shop.lab.raw import Talked
from headwater_shop.lab.report.svg import drawing, words

BOX_W, BOX_H, GAP_X, GAP_Y = 104, 26, 78, 16
TOPIC, STORE, THIN_SPACE = "topic ", "store", "\u2009"
_SCALE: Final = 1.15  # pixels at most for each unit

Slot = str | tuple[str, str]
"""A place in a column: a box's, or one that is kept free for an arrow that passes by (from, to)."""


@dataclass(frozen=True)
class Spot:
    """The left end of a slot's middle line."""

    x: float
    y: float


def couplings(talked: Sequence[Talked]) -> str:
    """The drawing; '' where nothing was said."""
    seen = [_heard(each) for each in talked if each.times]
    if not seen:
        return ""
    columns = _columns(seen)
    table = _arranged(_slots(columns, seen), seen)
    height = max(map(len, table)) * (BOX_H + GAP_Y) + GAP_Y
    spots = _spots(table, height)
    most = max(each.times for each in seen)
    drawn = zip(seen, _shares(seen), strict=True)
    parts = [part for each, share in drawn for part in _arrow(_way(each, columns, spots), each, most, share)]
    parts += [_box(name, spots[name]) for name in columns]
    label = "; ".join(f"{each.caller} to {each.callee}: {each.times:,}" for each in seen)
    width = len(table) * (BOX_W + GAP_X) - GAP_X + 8
    return drawing(width, height, parts, label, scale=_SCALE)


def _heard(talked: Talked) -> Talked:
    """Who hears of a topic stands behind it, though the same service may also tell, before one."""
    if not talked.caller.startswith(TOPIC):
        return talked
    return msgspec.structs.replace(talked, callee=talked.callee + THIN_SPACE)


def _columns(talked: Sequence[Talked]) -> dict[str, int]:
    """The column of each: one behind the last of those that call it, circles aside."""
    names = list(dict.fromkeys(name for each in talked for name in (each.caller, each.callee)))
    columns = dict.fromkeys(names, 0)
    for _ in range(len(names)):
        for each in talked:
            if each.callee != each.caller and columns[each.callee] <= columns[each.caller] < len(names) - 1:
                columns[each.callee] = columns[each.caller] + 1
    used = sorted(set(columns.values()))
    return {name: used.index(column) for name, column in columns.items()}


def _between(each: Talked, columns: Mapping[str, int]) -> Iterator[int]:
    """The columns that an arrow passes by."""
    yield from range(columns[each.caller] + 1, columns[each.callee])


def _slots(columns: Mapping[str, int], talked: Sequence[Talked]) -> list[list[Slot]]:
    table: list[list[Slot]] = [[] for _ in range(max(columns.values()) + 1)]
    for name, column in columns.items():
        table[column].append(name)
    for each in talked:
        for column in _between(each, columns):
            if (passing := (each.caller, each.callee)) not in table[column]:
                table[column].append(passing)
    return table


def _arranged(table: Sequence[list[Slot]], talked: Sequence[Talked]) -> list[list[Slot]]:
    """Each column in the order of where its arrows come from, so that few of them cross."""
    arranged = [table[0]]
    for column in table[1:]:
        before = {slot: number / len(arranged[-1]) for number, slot in enumerate(arranged[-1])}

        def height(slot: Slot, before: Mapping[Slot, float] = before) -> float:
            if isinstance(slot, tuple):
                came: list[Slot] = [slot, slot[0]]
            else:
                came = [each.caller for each in talked if each.callee == slot]
                came += [(each.caller, each.callee) for each in talked if each.callee == slot]
            known = [before[each] for each in came if each in before]
            return fmean(known) if known else 0.5

        arranged.append(sorted(column, key=height))
    return arranged


def _spots(table: Sequence[Sequence[Slot]], height: float) -> dict[tuple[int, Slot] | str, Spot]:
    spots: dict[tuple[int, Slot] | str, Spot] = {}
    for column, slots in enumerate(table):
        for number, slot in enumerate(slots):
            spot = Spot(4 + column * (BOX_W + GAP_X), height / len(slots) * (number + 0.5))
            spots[slot if isinstance(slot, str) else (column, slot)] = spot
    return spots


def _way(each: Talked, columns: Mapping[str, int], spots: Mapping[tuple[int, Slot] | str, Spot]) -> list[Spot]:
    """The points that an arrow goes through: the end of one box, both ends of every free place, the beginning of the
    other box."""
    start, end = spots[each.caller], spots[each.callee]
    way = [Spot(start.x + BOX_W, start.y)]
    for column in _between(each, columns):
        free = spots[column, (each.caller, each.callee)]
        way += [free, Spot(free.x + BOX_W, free.y)]
    return [*way, Spot(end.x - 2, end.y)]


def _arrow(way: Sequence[Spot], talked: Talked, most: int, share: float) -> tuple[str, str]:
    path = f"M{way[0].x:.1f} {way[0].y:.1f}"
    for a, b in pairwise(way):
        bend = (b.x - a.x) / 2
        path += f"C{a.x + bend:.1f} {a.y:.1f} {b.x - bend:.1f} {b.y:.1f} {b.x:.1f} {b.y:.1f}"
    thick = 1 + 4 * talked.times / most
    x, y = _beside(way, share)
    line = f'<path class="talk {talked.by}" stroke-width="{thick:.1f}" marker-end="url(#{talked.by})" d="{path}"/>'
    return line, words("count", x, y - 3, f"{talked.times:,}", "middle")


def _beside(way: Sequence[Spot], share: float) -> tuple[float, float]:
    """Where the number of an arrow stands: on its first free place, else after that share of the way."""
    if len(way) > 2:
        return (way[1].x + way[2].x) / 2, way[1].y
    a, b = way
    eased = share * share * (3 - 2 * share)
    return a.x + (b.x - a.x) * share, a.y + (b.y - a.y) * eased


def _shares(talked: Sequence[Talked]) -> list[float]:
    """How far along each arrow its number stands: away from the end at which more arrows meet."""
    told, heard = Counter(each.caller for each in talked), Counter(each.callee for each in talked)
    return [
        0.5
        if told[each.caller] == heard[each.callee] == 1
        else 0.76
        if told[each.caller] >= heard[each.callee]
        else 0.26
        for each in talked
    ]


def _box(name: str, spot: Spot) -> str:
    kind = "topic" if name.startswith(TOPIC) else "store" if name == STORE else ""
    middle = spot.x + BOX_W / 2
    top = spot.y - BOX_H / 2
    return (
        f'<rect class="box {kind}" x="{spot.x:.1f}" y="{top:.1f}" width="{BOX_W}" height="{BOX_H}" rx="7"/>'
        f'<text class="name" x="{middle:.1f}" y="{spot.y + 4:.1f}" text-anchor="middle">{escape(name)}</text>'
    )
