"""The error tree is as it is drawn, and every error says what is wrong and what to do."""

import inspect
import re

import pytest

from headwater import errors
from headwater.errors import HeadwaterError, StoreError


def drawn() -> list[tuple[str, str]]:
    """Each error of the drawing with its parent, from the module's docstring."""
    found: list[tuple[str, str]] = []
    above: list[str] = []
    for line in (errors.__doc__ or "").splitlines():
        match = re.match(r"((?:│   |    )*(?:├── |└── )?)([A-Z]\w+)(?: |$)", line)
        if match and (match[1] or match[2] == "HeadwaterError"):
            depth = len(match[1]) // 4
            del above[depth:]
            found.append((match[2], above[-1] if above else "Exception"))
            above.append(match[2])
    return found


def real() -> list[tuple[str, str]]:
    classes = [cls for _, cls in inspect.getmembers(errors, inspect.isclass) if cls.__module__ == errors.__name__]
    return [(cls.__name__, cls.__base__.__name__) for cls in classes if cls.__base__]


def test_the_tree_is_as_drawn() -> None:
    assert sorted(drawn()) == sorted(real())
    assert len(drawn()) > 20


def test_one_class_catches_all() -> None:
    assert all(issubclass(getattr(errors, name), HeadwaterError) for name, _ in real())


async def no_keys() -> None:
    """Nothing is fetched."""


MESSAGES = [
    (errors.MissingExtra("cli", "the command line"), "the command line needs the extra 'cli'", "pip install"),
    (errors.MalformedData("event 'a'", "no JSON"), "malformed event 'a': no JSON", ""),
    (errors.UnknownType("command", "x", ("a", "b")), "unknown command 'x'; known: a, b", ""),
    (errors.UnknownType("command", "x"), "unknown command 'x'", ""),
    (errors.InvalidName("tag", "a\n", "printable"), r"invalid tag 'a\n': printable", ""),
    (errors.EventTooLarge("a", 11, 10), "event 'a' has 11 bytes of data, the limit is 10", "max_event_bytes"),
    (errors.RecordTooLarge("t", 11, 10), "topic 't' has 11 bytes, the limit is 10", "max_record_bytes"),
    (errors.StreamClosed("s"), "stream 's' is closed", "another name"),
    (errors.StreamTruncated("s", 7), "stream 's' up to version 7 were removed", "headwater store restore"),
    (errors.HistoryIncomplete("view 'v'", 1, "do"), "view 'v' would lack what was removed: 1 stream has", "or do"),
    (errors.SubjectForgotten("ann", "a"), "event 'a' would hold personal data of 'ann'", "leave the data out"),
    (errors.Unsupported("memory:", "pause a group"), "memory: cannot pause a group", "capabilities"),
    (errors.Rejected("sold out", "sold_out", left=0), "sold out", ""),
    (errors.WrongExpectedVersion("s", 1, 2), "stream 's' is at version 2, expected 1", ""),
    (errors.ConditionFailed(7, 5), "position 7", "nothing after 5"),
    (errors.IdReused("i"), "id 'i' was used before", "needs a new id"),
    (errors.StoreError("a.db", "why"), "a.db: why; see the cause", ""),
    (errors.StoreNotFound("a.db"), "a.db: StoreNotFound", "check the address"),
    (errors.StoreLocked("a.db"), "a.db", "lock_timeout"),
    (errors.StoreReadOnly("a.db"), "a.db", "right to write"),
    (errors.StoreCorrupt("a.db"), "a.db", "restore a backup"),
    (errors.StoreTooNew("a.db"), "a.db", "upgrade Headwater"),
    (errors.StoreFull("a.db"), "a.db", "free disk space"),
    (errors.StoreOutdated("a.db"), "a.db", "headwater store migrate"),
    (errors.StoreRefused("a.db"), "a.db", "check the user"),
    (errors.StoreUnavailable("a.db"), "a.db", "try again"),
    (errors.AcknowledgementLost("a.db"), "a.db", "repeat it with an id"),
    (errors.StoreClosed("a.db"), "a.db", "open it again"),
    (errors.KeysNeeded(frozenset("a"), frozenset("bc"), no_keys), "3 keys", "fetch them"),
    (errors.WrongKeys("email of event 'a'", "keys.db", "why"), "with keys.db: why", "open the keys"),
    (errors.NotYetVisible("v", 9, 5), "view 'v' has reached position 5, not yet 9", "try again"),
    (errors.ViewStopped("v", 9, "why"), "view 'v' stopped at position 9: why", "start again"),
    (errors.Fenced("c"), "checkpoint 'c' was moved by another runner", ""),
    (errors.TimedOut("the work", 30.0), "the work took longer than 30 s", "cancelled"),
    (errors.ChannelClosed("c"), "channel 'c' is closed", "is to end"),
    (errors.CircuitOpen("the bank", 2.5), "the bank fails too often", "try again in 2.5 s"),
    (errors.Overloaded("the queue", 10, 2.5), "the queue is at its bound of 10", "try again in 2.5 s"),
]


@pytest.mark.parametrize(("error", "what", "advice"), MESSAGES, ids=lambda value: type(value).__name__)
def test_an_error_says_what_is_wrong_and_what_to_do(error: HeadwaterError, what: str, advice: str) -> None:
    assert what in str(error)
    assert advice in str(error)


def test_no_error_is_left_out() -> None:
    plain = {"HeadwaterError", "DeclarationError", "BadInput", "Conflict"}  # they carry what they are given
    assert {type(error).__name__ for error, _, _ in MESSAGES} | plain == {name for name, _ in real()}


@pytest.mark.parametrize("error", [error for error, _, _ in MESSAGES], ids=lambda error: type(error).__name__)
def test_the_facts_are_fields(error: HeadwaterError) -> None:
    given = [name for name in inspect.signature(type(error)).parameters if name not in ("needed_for", "facts")]
    assert all(hasattr(error, name) for name in given)


def test_a_rejection_carries_its_facts() -> None:
    rejected = errors.Rejected("sold out", "sold_out", left=0, wanted=2)
    assert (rejected.reason, rejected.code, rejected.facts) == ("sold out", "sold_out", {"left": 0, "wanted": 2})
    assert errors.Rejected("no").code == "rejected"


def test_a_long_name_is_cut_in_the_message() -> None:
    error = errors.InvalidName("tag", "x" * 10_000, "short")
    assert len(str(error)) < 200
    assert error.name == "x" * 10_000


def test_every_store_error_advises() -> None:
    kinds = StoreError.__subclasses__()
    assert len({kind.advice for kind in kinds}) == len(kinds)
