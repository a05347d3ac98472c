"""Functions for `headwater store transform`."""

from collections.abc import Iterable

from msgspec.structs import replace
from parcels import app_of

from headwater import Envelope, NewEvent

APP = app_of()
NOT_A_FUNCTION = 7


def same(event: Envelope) -> Iterable[Envelope]:
    return [event]


def fewer(event: Envelope) -> Iterable[NewEvent | Envelope]:
    """Sevens go, fives become two, threes move to a stream of their own, all else gets another name."""
    match event.data:
        case b'{"n":7}':
            return []
        case b'{"n":5}':
            return [NewEvent("half", b"{}", tags=event.tags), NewEvent("half", b"[]", 2)]
        case b'{"n":3}':
            return [replace(event, stream="threes")]
        case data:
            return [NewEvent("counted", data, tags=event.tags)]


def other(event: Envelope) -> Iterable[Envelope]:
    return [replace(event, tags=("other",))]


def failing(event: Envelope) -> Iterable[Envelope]:
    if event.data == b'{"n":7}':
        raise ValueError("seven")
    return [event]


def of_another_kind(event: Envelope) -> Iterable[str]:
    return [event.type]


def unsound(event: Envelope) -> Iterable[Envelope]:
    return [replace(event, data=b"{")]
