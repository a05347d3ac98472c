"""Every error that Headwater raises on purpose. Each carries its facts as fields and says what to do next.

HeadwaterError
├── DeclarationError            the application is declared wrong; raised when it is built
│   └── MissingExtra            an optional dependency is not installed
├── BadInput                    the caller sent something that can never succeed
│   ├── MalformedData           not JSON, or not of the declared shape
│   ├── UnknownType             an event, command or view name that nothing declares
│   ├── InvalidName             a stream, tag or type name outside the allowed form
│   ├── EventTooLarge           an event above the configured limit
│   ├── RecordTooLarge          a record above its topic's limit
│   ├── StreamClosed            an append to a stream that takes none any more
│   ├── StreamTruncated         the first events of a stream are gone, so it cannot be folded from its beginning
│   ├── HistoryIncomplete       events are gone without which this would come out differently
│   ├── SubjectForgotten        an event would hold personal data of a subject that was forgotten
│   └── Unsupported             asked of an adapter that declares that it cannot
├── Rejected                    the domain said no
├── Conflict                    someone else was first; loading again and retrying may succeed
│   ├── WrongExpectedVersion    a stream is not at the expected version
│   ├── ConditionFailed         an event matching the append's condition exists
│   └── IdReused                the same id came with another content
├── StoreError                  the store (or the broker) cannot do its work now
│   ├── StoreNotFound           no store at that address
│   ├── StoreLocked             another process held the write lock for too long
│   ├── StoreReadOnly           the store cannot be written
│   ├── StoreCorrupt            the file is damaged or is no Headwater store
│   ├── StoreTooNew             written by a newer version of Headwater
│   ├── StoreOutdated           written by an older version of Headwater; it can be migrated
│   ├── StoreFull               the disk (or a quota) is full
│   ├── StoreRefused            the store's server does not let this user in
│   ├── StoreUnavailable        the store's server cannot be reached, or does not answer in time
│   │   └── AcknowledgementLost the server was lost before it answered: an append may be recorded, or not
│   └── StoreClosed             used after it was closed
├── KeysNeeded                  personal data needs keys that are not here yet: fetch them and try again
├── WrongKeys                   personal data cannot be decrypted: the keys are not those that it was encrypted with
├── NotYetVisible               a view did not reach the asked position in time
├── ViewStopped                 a view cannot go on: its fold fails on an event
├── Fenced                      a checkpoint was moved by another runner
├── TimedOut                    something took longer than it may
├── ChannelClosed               a channel takes nothing more, and nothing is left in it
├── CircuitOpen                 what is called fails too often, and is spared for a while
└── Overloaded                  a declared bound is reached; try again later
"""

from collections.abc import Awaitable, Callable
from typing import Any


class HeadwaterError(Exception):
    """Base of all errors of this package."""


class DeclarationError(HeadwaterError):
    """An application is declared wrong: a duplicate, a gap, an annotation that says nothing."""


class MissingExtra(DeclarationError):
    """An optional dependency is needed: `extra` names what to install."""

    def __init__(self, extra: str, needed_for: str) -> None:
        super().__init__(f"{needed_for} needs the extra {extra!r}: pip install 'headwater[{extra}]'")
        self.extra = extra


class BadInput(HeadwaterError):
    """Input which can never succeed as it is."""


class MalformedData(BadInput):
    """Data that is not JSON or not of the declared shape. `what` was read; `why` says where it went wrong."""

    def __init__(self, what: str, why: str) -> None:
        super().__init__(f"malformed {what}: {why}")
        self.what = what
        self.why = why


class UnknownType(BadInput):
    """A name that nothing in the application declares. `known` lists some that are."""

    def __init__(self, what: str, name: str, known: tuple[str, ...] = ()) -> None:
        hint = f"; known: {', '.join(known[:20])}" if known else ""
        super().__init__(f"unknown {what} {name!r}{hint}")
        self.what = what
        self.name = name
        self.known = known


class InvalidName(BadInput):
    """A name outside its allowed form."""

    def __init__(self, what: str, name: str, rule: str) -> None:
        super().__init__(f"invalid {what} {name[:80]!r}: {rule}")
        self.what = what
        self.name = name
        self.rule = rule


class EventTooLarge(BadInput):
    """An event's data is above the limit. Sizes are in bytes."""

    def __init__(self, type: str, size: int, limit: int) -> None:
        super().__init__(
            f"event {type!r} has {size} bytes of data, the limit is {limit}; "
            "store large content elsewhere and keep a reference, or raise the store's max_event_bytes"
        )
        self.type = type
        self.size = size
        self.limit = limit


class RecordTooLarge(BadInput):
    """A record's value is above its topic's limit. Sizes are in bytes."""

    def __init__(self, topic: str, size: int, limit: int) -> None:
        super().__init__(
            f"a record for topic {topic!r} has {size} bytes, the limit is {limit}; "
            "store large content elsewhere and publish a reference, or raise the topic's max_record_bytes"
        )
        self.topic = topic
        self.size = size
        self.limit = limit


class StreamClosed(BadInput):
    """`stream` is closed for good. No Conflict: to load again and to retry cannot help."""

    def __init__(self, stream: str) -> None:
        super().__init__(f"stream {stream!r} is closed and takes no more events; use a stream of another name")
        self.stream = stream


class StreamTruncated(BadInput):
    """The events of `stream` up to version `removed` are gone, and with them what its state is folded from."""

    def __init__(self, stream: str, removed: int) -> None:
        super().__init__(
            f"the events of stream {stream!r} up to version {removed} were removed, and without them or a snapshot of "
            f"version {removed + 1} or later it cannot be folded; put them back with `headwater store restore`"
        )
        self.stream = stream
        self.removed = removed


class HistoryIncomplete(BadInput):
    """`what` would come out differently, as events of `streams` streams are gone. `instead` says how to have it so."""

    def __init__(self, what: str, streams: int, instead: str) -> None:
        gone = f"{streams:,} stream{'s have' if streams > 1 else ' has'} lost events to an archive"
        super().__init__(
            f"{what} would lack what was removed: {gone}; put them back with `headwater store restore`, or {instead}"
        )
        self.what = what
        self.streams = streams
        self.instead = instead


class SubjectForgotten(BadInput):
    """An event of that `type` would hold personal data of `subject`, whose key was destroyed."""

    def __init__(self, subject: str, type: str) -> None:
        super().__init__(
            f"event {type!r} would hold personal data of {subject!r}, who was forgotten; leave the data out, or take "
            "another subject"
        )
        self.subject = subject
        self.type = type


class Unsupported(BadInput):
    """`what` was asked of the adapter at `address`, which declares that it cannot do it."""

    def __init__(self, address: str, what: str) -> None:
        super().__init__(f"{address} cannot {what}; see its capabilities")
        self.address = address
        self.what = what


class Rejected(HeadwaterError):
    """The domain's "no", raised by `decide`. `code` is for programs, `reason` for people, `facts` are details."""

    def __init__(self, reason: str, code: str = "rejected", **facts: Any) -> None:
        super().__init__(reason)
        self.reason = reason
        self.code = code
        self.facts = facts


class Conflict(HeadwaterError):
    """Someone else was first. Nothing was written; load again and decide anew."""


class WrongExpectedVersion(Conflict):
    """`stream` is at version `actual`, not at `expected` (0: no events)."""

    def __init__(self, stream: str, expected: int, actual: int) -> None:
        super().__init__(f"stream {stream!r} is at version {actual}, expected {expected}")
        self.stream = stream
        self.expected = expected
        self.actual = actual


class ConditionFailed(Conflict):
    """An event at `position`, after the condition's position, matches the condition's query."""

    def __init__(self, position: int, after: int) -> None:
        super().__init__(f"the event at position {position} matches the append's condition (nothing after {after})")
        self.position = position
        self.after = after


class IdReused(Conflict):
    """The id was used before, for other events. Use a new id for a new intent."""

    def __init__(self, id: str) -> None:
        super().__init__(f"id {id!r} was used before for something else; a new intent needs a new id")
        self.id = id


class StoreError(HeadwaterError):
    """The store, or the broker, cannot do its work now. `store` is its address."""

    advice = "see the cause"

    def __init__(self, store: str, why: str = "") -> None:
        super().__init__(f"{store}: {why or type(self).__name__}; {self.advice}")
        self.store = store
        self.why = why


class StoreNotFound(StoreError):
    advice = "check the address"


class StoreLocked(StoreError):
    advice = "another process holds the write lock; find it, or raise the store's lock_timeout"


class StoreReadOnly(StoreError):
    advice = "this user needs the right to write: the file and its folder; or the schema, on a primary server"


class StoreCorrupt(StoreError):
    advice = "restore a backup, or export what can still be read with `headwater store export`"


class StoreTooNew(StoreError):
    advice = "upgrade Headwater to open it"


class StoreOutdated(StoreError):
    advice = "bring it up to date with `headwater store migrate`"


class StoreRefused(StoreError):
    advice = "check the user, the password and the rights"


class StoreUnavailable(StoreError):
    advice = "see whether the server runs and can be reached, then try again"


class AcknowledgementLost(StoreUnavailable):
    advice = "whether it was recorded is not known; repeat it with an id, and it counts once"


class StoreFull(StoreError):
    advice = "free disk space; nothing of this append was kept"


class StoreClosed(StoreError):
    advice = "open it again"


class KeysNeeded(HeadwaterError):
    """Keys of `subjects`, or with these `ids`, are not at hand, or were not looked after for too long. What is
    synchronous raises it; whoever called it awaits `fetch()` and asks again (headwater.keys.ring does so)."""

    def __init__(self, subjects: frozenset[str], ids: frozenset[str], fetch: Callable[[], Awaitable[None]]) -> None:
        super().__init__(f"{len(subjects) + len(ids)} keys of personal data are not at hand; fetch them and try again")
        self.subjects = subjects
        self.ids = ids
        self.fetch = fetch


class WrongKeys(HeadwaterError):
    """`what` cannot be decrypted with the keys at the address `keys`; `why` says what is wrong."""

    def __init__(self, what: str, keys: str, why: str) -> None:
        super().__init__(f"{what} cannot be decrypted with {keys}: {why}; open the keys that it was encrypted with")
        self.what = what
        self.keys = keys
        self.why = why


class NotYetVisible(HeadwaterError):
    """View `view` was at `reached` when the wait for `position` ended."""

    def __init__(self, view: str, position: int, reached: int) -> None:
        super().__init__(f"view {view!r} has reached position {reached}, not yet {position}; try again shortly")
        self.view = view
        self.position = position
        self.reached = reached


class ViewStopped(HeadwaterError):
    """View `view` stopped at `position`: folding the event after it fails, as its cause says. The others go on."""

    def __init__(self, view: str, position: int, why: str) -> None:
        super().__init__(
            f"view {view!r} stopped at position {position}: {why}; mend its functions, raise its version if rows that "
            "are written already would differ, and start again"
        )
        self.view = view
        self.position = position
        self.why = why


class Fenced(HeadwaterError):
    """The checkpoint `name` was moved by another runner: this one must stop or take over anew."""

    def __init__(self, name: str) -> None:
        super().__init__(f"checkpoint {name!r} was moved by another runner")
        self.name = name


class TimedOut(HeadwaterError):
    """`what` took longer than `seconds`, and was cancelled."""

    def __init__(self, what: str, seconds: float) -> None:
        super().__init__(f"{what} took longer than {seconds:g} s and was cancelled")
        self.what = what
        self.seconds = seconds


class ChannelClosed(HeadwaterError):
    """Channel `name` is closed: nothing more can be put in, and what was left has been taken."""

    def __init__(self, name: str) -> None:
        super().__init__(f"channel {name!r} is closed; who works on it is to end")
        self.name = name


class CircuitOpen(HeadwaterError):
    """`name` fails too often to be called now. Try again after `retry_after` seconds."""

    def __init__(self, name: str, retry_after: float) -> None:
        super().__init__(f"{name} fails too often and is not called now; try again in {retry_after:g} s")
        self.name = name
        self.retry_after = retry_after


class Overloaded(HeadwaterError):
    """A declared bound is reached. Try again after `retry_after` seconds."""

    def __init__(self, what: str, bound: int, retry_after: float = 1.0) -> None:
        super().__init__(f"{what} is at its bound of {bound}; try again in {retry_after:g} s")
        self.what = what
        self.bound = bound
        self.retry_after = retry_after
