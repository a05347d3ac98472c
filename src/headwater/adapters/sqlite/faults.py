"""SQLite's errors as Headwater's: typed, with the store's address and what to do."""

from types import TracebackType

import apsw
import msgspec

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


class translated:
    """Raise SQLite's errors inside the block as Headwater's. One object may serve any number of blocks."""

    def __init__(self, store: str) -> None:
        self._store = store

    def __enter__(self) -> None:
        """Nothing to prepare."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(error, msgspec.DecodeError):
            raise StoreCorrupt(self._store, f"a column holds what was never written there ({error})") from error
        if isinstance(error, apsw.Error):
            typed = translate(error, self._store)
            if typed is not error:
                raise typed from error


class reading(translated):
    """Reading our own tables: what does not decode there was damaged."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        gone = isinstance(error, apsw.SQLError) and str(error).startswith("no such ")
        if gone or isinstance(error, (UnicodeDecodeError, msgspec.DecodeError, LookupError, TypeError)):
            raise StoreCorrupt(self._store, str(error)) from error
        super().__exit__(kind, error, trace)
