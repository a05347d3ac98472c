"""What is written without parts (numbers, strings, true, null), held against what a reader takes.

Whether a reader takes a value is asked of msgspec itself. Which values to ask about follows from the bounds of both
sides: if there is any that is refused, one of those is.
"""

import math
from base64 import b64encode
from collections.abc import Callable, Iterator, Sequence
from datetime import date, timedelta
from functools import lru_cache
from typing import Any, Literal, Union
from uuid import UUID

import msgspec

from headwater.schemas.forms import Choice, Flag, Form, Null, Number, Opaque, Text, Value, whole_bounds
from headwater.schemas.scalar_types import NOTHING, type_of

_TIMES = ("00:00:00", "23:59:59.999999")
_ZONES = ("Z", "+00:01", "-23:59")
_DAYS = ("0001-01-01", "9999-12-31")


class Refused(msgspec.Struct, frozen=True):
    """A reader does not take all that is written: not `value`, for one. Without a value it can't be told which."""

    value: Value | msgspec.UnsetType = msgspec.UNSET


def refused(written: Form, readers: Sequence[Form], *, key: bool = False) -> Refused | None:
    """Whether anything of a form is refused by a reader of these forms; as a `key` it is spelled in a string."""
    if isinstance(written, Opaque):
        return None if written in readers else Refused()
    readers = [each for each in readers if type_of(each) is not NOTHING]
    takes = key_reader(tuple(readers)) if key else reader(tuple(readers))
    for value in values(written, readers):
        if not takes(value):
            return Refused(value)
    if isinstance(written, Text) and not _told(written, readers):
        return Refused()
    return None


def _told(written: Text, readers: Sequence[Form]) -> bool:
    """Whether the values that were asked about stand for all: patterns are held against nothing but themselves."""
    texts = [each for each in readers if isinstance(each, Text)]
    if written.pattern is None and not any(each.pattern for each in texts):
        words = any(isinstance(value, str) for each in readers if isinstance(each, Choice) for value in each.values)
        return not words or (written.most == 0 and not written.format)
    return any(
        not each.format
        and each.pattern in (None, written.pattern)
        and (each.least or 0) <= (written.least or 0)
        and (each.most is None or (written.most is not None and written.most <= each.most))
        for each in texts
    )


@lru_cache(1_024)
def reader(forms: tuple[Form, ...]) -> Any:
    """A function that says whether msgspec reads a value as one of these forms."""
    decode = msgspec.json.Decoder(_union(forms)).decode

    def takes(value: Value) -> bool:
        try:
            decode(msgspec.json.encode(value))
        except msgspec.DecodeError:
            return False
        return True

    return takes


@lru_cache(1_024)
def key_reader(forms: tuple[Form, ...]) -> Any:
    """The same for the keys of an object."""
    decode = msgspec.json.Decoder(dict[_union(forms), msgspec.Raw]).decode  # type: ignore[misc]

    def takes(value: Value) -> bool:
        try:
            decode(msgspec.json.encode({spelled(value): 0}))
        except msgspec.DecodeError:
            return False
        return True

    return takes


def spelled(value: Value) -> str:
    """A value as the key of an object."""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _union(forms: tuple[Form, ...]) -> Any:
    types = [found for found in map(type_of, forms) if found is not NOTHING]
    return Union[tuple(types)] if types else Literal["\ue000 nothing"]  # noqa: UP007


def values(form: Form, readers: Sequence[Form] = ()) -> Iterator[Value]:
    """Values of a form, the plainest first, with those beyond every bound that a reader has."""
    if isinstance(form, Null):
        yield None
    elif isinstance(form, Flag | Choice):
        yield from form.values
    elif isinstance(form, Number):
        yield from _whole(form, readers) if form.whole else _fractions(form, readers)
    elif isinstance(form, Text):
        yield from _texts(form, readers)


def _choices(readers: Sequence[Form]) -> int:
    return sum(len(each.values) for each in readers if isinstance(each, Choice))


def _numbers(form: Form, readers: Sequence[Form]) -> list[Number]:
    return [each for each in (form, *readers) if isinstance(each, Number)]


def _whole(form: Number, readers: Sequence[Form]) -> Iterator[int]:
    step = int(form.step or 1)
    low, high = whole_bounds(form)
    anchors = {0, low or 0, high or 0}
    for each in _numbers(form, readers):
        anchors |= {math.floor(bound) for bound in (each.least, each.above, each.most, each.below) if bound is not None}
    start = low if low is not None else high - step * _choices(readers) if high is not None else 0
    near = range(-2, 3 + _choices(readers))
    found = {step * (anchor // step + k): None for anchor in (*sorted(anchors, key=abs), start) for k in near}
    for value in sorted(found, key=abs):
        if (low is None or value >= low) and (high is None or value <= high):
            yield value


def _fractions(form: Number, readers: Sequence[Form]) -> Iterator[float]:
    anchors = [0.5, 0.0, 1.0, -1.0, 123.456789, 1e15, -1e15]
    bounds = []
    for each in _numbers(form, readers):
        bounds += [float(bound) for bound in (each.least, each.above, each.most, each.below) if bound is not None]
    anchors += bounds
    for bound in bounds:
        anchors += [
            math.nextafter(bound, math.inf),
            math.nextafter(bound, -math.inf),
            bound + 0.618034,
            bound - 0.618034,
        ]
    anchors += [low + (high - low) * 0.3819660113 for low in bounds for high in bounds if low < high]
    if form.step:
        step = float(form.step)
        anchors = [step * (math.floor(each / step) + k) for each in anchors for k in (0, 1, -1, 2)]
    takes = reader((form,))
    yield from (each for each in dict.fromkeys(anchors) if takes(each))


def _texts(form: Text, readers: Sequence[Form]) -> Iterator[str]:
    if form.format in ("", "decimal", "base64"):
        yield from _of_lengths(form, readers)
    else:
        yield from _SPELLED[form.format](form)


def _of_lengths(form: Text, readers: Sequence[Form]) -> Iterator[str]:
    most = math.inf if form.most is None else form.most
    lengths = {form.least or 0, (form.least or 0) + 1, 3, 4, 5, *([] if form.most is None else [form.most])}
    for each in readers:
        if isinstance(each, Text):
            lengths |= {n + k for n in (each.least, each.most) if n is not None for k in (-1, 0, 1)}
    fitting = sorted(n for n in lengths if (form.least or 0) <= n <= most)
    if form.format == "base64":
        yield from (
            msgspec.json.decode(msgspec.json.encode(b"\0" * n))
            for n in [*fitting, *(2 * n for n in fitting)]
            if n <= most
        )
    elif form.format == "decimal":
        yield from ("0", "-1.50", "1E+30", "NaN", *("1" * n for n in fitting if n))
    else:
        takes = reader((form,))
        letters = "ax1!?~" + "".join(map(chr, range(0x100, 0x101 + _choices(readers))))
        found = dict.fromkeys(letter * n for letter in letters for n in fitting)
        yield from (text for text in found if takes(text))


def _moments(form: Text) -> Iterator[str]:
    if form.zone is not True:
        yield from (f"{_DAYS[0]}T{_TIMES[0]}", f"{_DAYS[1]}T{_TIMES[1]}")
    if form.zone is not False:
        yield from (f"2024-02-29T{time}{zone}" for time in _TIMES for zone in _ZONES)


def _times(form: Text) -> Iterator[str]:
    if form.zone is not True:
        yield from _TIMES
    if form.zone is not False:
        yield from (f"{time}{zone}" for time in _TIMES for zone in _ZONES)


def _days(_: Text) -> Iterator[str]:
    yield from _DAYS


def _ids(_: Text) -> Iterator[str]:
    yield from ("00000000-0000-0000-0000-000000000000", "ffffffff-ffff-4fff-bfff-ffffffffffff")


def _spans(_: Text) -> Iterator[str]:
    few = (timedelta(0), timedelta(days=1), timedelta.max, timedelta.min, timedelta.min + timedelta(microseconds=1))
    yield from msgspec.json.decode(msgspec.json.encode(few))


_SPELLED: dict[str, Callable[[Text], Iterator[str]]] = {
    "date-time": _moments, "time": _times, "date": _days, "duration": _spans, "uuid": _ids,
}  # fmt: skip


def numbered(form: Form) -> Iterator[Value]:
    """Different values without end, where there are: for sets, and the keys of maps."""
    yield from values(form)
    takes = reader((form,))
    if isinstance(form, Number | Text):
        for n in range(1, _PLENTY):
            yield from (value for value in _numbered(form, n) if takes(value))


_PLENTY = 2_000


def _numbered(form: Number | Text, n: int) -> tuple[Value, ...]:
    if isinstance(form, Number):
        known = (bound for bound in (form.least, form.above, form.most, form.below) if bound is not None)
        start, step = next(known, 0), form.step or (1 if form.whole else 2**-10)
        return (
            (start + step * n, start - step * n) if form.whole else (float(start + step * n), float(start - step * n))
        )
    wide = max(form.least or 0, 2)
    zone = "Z" if form.zone else ""
    spellings = {
        "": (chr(0x100 + n) * max(form.least or 0, 1),),
        "decimal": (str(n),),
        "base64": tuple(_base64(n.to_bytes(size, "big")) for size in (wide, 1) if n < 256**size),
        "uuid": (str(UUID(int=n)),),
        "date": (date.fromordinal(n + 1).isoformat(),),
        "duration": (f"P{n + 1}D",),
        "time": (f"00:{n // 60 % 60:02}:{n % 60:02}{zone}",),
        "date-time": (f"2024-01-01T00:{n // 60 % 60:02}:{n % 60:02}{zone}",),
    }
    return spellings[form.format]


def _base64(value: bytes) -> str:
    return b64encode(value).decode()
