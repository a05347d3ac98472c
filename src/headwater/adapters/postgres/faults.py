"""PostgreSQL's errors as Headwater's: typed, with the store's address and what to do."""

import struct
from types import TracebackType

import psycopg
from psycopg import errors as pg
from psycopg_pool import PoolClosed, PoolTimeout, TooManyRequests

from headwater.errors import (
    BadInput,
    Overloaded,
    StoreClosed,
    StoreCorrupt,
    StoreError,
    StoreFull,
    StoreLocked,
    StoreNotFound,
    StoreReadOnly,
    StoreRefused,
    StoreUnavailable,
    StreamClosed,
)

# The first that fits. Classes of SQLSTATE: https://www.postgresql.org/docs/current/errcodes-appendix.html
_KINDS: tuple[tuple[tuple[type[Exception], ...], type[StoreError]], ...] = (
    ((pg.InvalidPassword, pg.InvalidAuthorizationSpecification), StoreRefused),
    ((pg.InvalidCatalogName,), StoreNotFound),
    ((pg.DiskFull,), StoreFull),
    ((pg.ReadOnlySqlTransaction, pg.InsufficientPrivilege), StoreReadOnly),
    ((pg.LockNotAvailable, pg.DeadlockDetected, pg.SerializationFailure), StoreLocked),
    ((pg.DataCorrupted, pg.IndexCorrupted, pg.UndefinedTable, pg.UndefinedFunction, pg.UndefinedColumn), StoreCorrupt),
    ((pg.QueryCanceled, pg.TooManyConnections, pg.OutOfMemory), StoreUnavailable),
    ((PoolClosed,), StoreClosed),
    ((PoolTimeout, psycopg.OperationalError, psycopg.InterfaceError), StoreUnavailable),
    ((psycopg.Error,), StoreError),
)
_REFUSED = "password authentication failed", "no password supplied", "no pg_hba.conf entry", "authentication failed"

STANDBY, CLOSED = "HW003", "HW004"
UNDONE = (pg.SerializationFailure, pg.DeadlockDetected, pg.LockNotAvailable, pg.OutOfMemory)
"""The server has rolled everything back and lives on: trying again is safe, and may help."""


def lost(error: BaseException) -> bool:
    """Whether the connection is gone, so that what was asked last may have been done, or not."""
    if not isinstance(error, (psycopg.OperationalError, psycopg.InterfaceError)):
        return False
    return error.sqlstate is None or error.sqlstate.startswith(("08", "57P"))


def translate(error: BaseException, store: str) -> BaseException:
    """The typed error for an error of the driver; any other error as it is."""
    if isinstance(error, TooManyRequests):
        return Overloaded("the queue for a connection", 0)
    if isinstance(error, psycopg.OperationalError) and not error.sqlstate:
        return _unconnected(error, store)
    if isinstance(error, (psycopg.DataError, UnicodeEncodeError, struct.error)):
        return BadInput(f"PostgreSQL cannot hold this: {' '.join(str(error).split())}")
    if isinstance(error, psycopg.Error) and error.sqlstate == STANDBY:
        return _made(StoreReadOnly, error, store)
    if isinstance(error, psycopg.Error) and error.sqlstate == CLOSED:
        return StreamClosed(error.diag.message_detail or "")
    if isinstance(error, psycopg.Error) and (error.sqlstate or "").startswith("HW"):  # raised by our own functions
        return _made(StoreError, error, store)
    for kinds, typed in _KINDS:
        if isinstance(error, kinds):
            return _made(typed, error, store)
    return error


def _unconnected(error: psycopg.OperationalError, store: str) -> StoreError:
    """What the server said before a session began comes as text alone."""
    text = str(error)
    if any(words in text for words in _REFUSED) or ("role " in text and "does not exist" in text):
        return _made(StoreRefused, error, store)
    if "database " in text and "does not exist" in text:
        return _made(StoreNotFound, error, store)
    return _made(StoreUnavailable, error, store)


def _made(typed: type[StoreError], error: BaseException, store: str) -> StoreError:
    made = typed(store, " ".join(str(error).split()))
    made.__cause__ = error
    return made


class translated:
    """Raise the driver's errors inside the block as Headwater's. One object may serve any number of blocks."""

    def __init__(self, store: str) -> None:
        self._store = store

    def __enter__(self) -> None:
        """Nothing to prepare."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            typed = translate(error, self._store)
            if typed is not error:
                raise typed from error
