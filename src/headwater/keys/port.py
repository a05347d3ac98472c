"""Where keys are kept, as a port: apart from the events, since whoever has both can read everything."""

import secrets
from collections.abc import Collection
from dataclasses import dataclass, field
from types import TracebackType
from typing import Protocol, Self

from headwater.codec import event

SECRET_BYTES = 32
ID_BYTES = 8


@dataclass(frozen=True)
class SubjectKey:
    """The key of one subject, or what is left of it: when it was `destroyed` (microseconds since 1970; 0: it was not)
    and `by` whom. A key that was destroyed has no secret."""

    id: str
    subject: str
    secret: bytes = field(repr=False)
    created: int
    destroyed: int = 0
    by: str = ""


@event("headwater.subject_forgotten")
class Forgotten:
    """The key of a subject was destroyed. It is recorded in the event store, so that reactions may follow from it."""

    subject: str
    key: str
    by: str


class KeyStore(Protocol):
    """One key for each subject, for good. Any number of processes may use one; they agree on the keys.

    Everything raises StoreError.
    """

    @property
    def address(self) -> str:
        """Where it is, for messages: without a password."""

    @property
    def shared(self) -> bool:
        """Whether other processes may use it at the same time."""

    async def provide(self, subjects: Collection[str]) -> list[SubjectKey]:
        """The keys of these subjects, in no order. Those that are not there are made, durably. One that was destroyed
        stays so, and is returned as what is left of it."""

    async def find(self, ids: Collection[str]) -> list[SubjectKey]:
        """The keys with these ids, as far as they are there, in no order."""

    async def look_up(self, subject: str) -> SubjectKey | None:
        """The key of a subject, if there is one."""

    async def destroy(self, subject: str, by: str) -> SubjectKey | None:
        """Destroy the key of a subject, so that nothing of its secret stays in the key store's own files or tables; and
        return what is left of it, None if it has none. Doing it again does what was interrupted.

        Raises StoreLocked if others keep old pages in use; the key is destroyed then, and asking again removes them.
        """

    async def generation(self) -> int:
        """How many keys were destroyed."""

    async def close(self) -> None:
        """Release everything. Twice is harmless."""

    async def __aenter__(self) -> Self: ...

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


def new_key(subject: str, now: int) -> SubjectKey:
    """A key from the operating system's source of randomness."""
    return SubjectKey(secrets.token_hex(ID_BYTES), subject, secrets.token_bytes(SECRET_BYTES), now)
