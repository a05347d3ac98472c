"""SQLite's errors as Headwater's: typed, with the store's address and what to do."""

from collections.abc import Iterator
from contextlib import contextmanager

import apsw

from headwater.errors import (
    StoreClosed,
    StoreCorrupt,
    StoreError,
    StoreFull,
    StoreLocked,
    StoreNotFound,
    StoreReadOnly,
)

_KINDS: tuple[tuple[type[Exception], type[StoreError]], ...] = (
    (apsw.BusyError, StoreLocked),
    (apsw.LockedError, StoreLocked),
    (apsw.ReadOnlyError, StoreReadOnly),
    (apsw.PermissionsError, StoreReadOnly),
    (apsw.FullError, StoreFull),
    (apsw.CorruptError, StoreCorrupt),
    (apsw.NotADBError, StoreCorrupt),
    (apsw.CantOpenError, StoreNotFound),
    (apsw.ConnectionClosedError, StoreClosed),
    (apsw.IOError, StoreError),
)


def translate(error: BaseException, store: str) -> BaseException:
    """The typed error for an error of SQLite; any other error as it is."""
    for kind, typed in _KINDS:
        if isinstance(error, kind):
            made = typed(store, str(error))
            made.__cause__ = error
            return made
    return error


@contextmanager
def translated(store: str) -> Iterator[None]:
    """Raise SQLite's errors inside the block as Headwater's."""
    try:
        yield
    except apsw.Error as error:
        typed = translate(error, store)
        if typed is error:
            raise
        raise typed from error
