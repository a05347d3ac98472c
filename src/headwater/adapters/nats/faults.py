"""What goes wrong with a server of NATS, as Headwater's errors: typed, with the broker's address and what to do."""

import asyncio
from typing import Any

from nats import errors as nats

from headwater.errors import StoreError, StoreFull, StoreRefused, StoreUnavailable

# https://github.com/nats-io/nats-server/blob/main/server/errors.json
STREAM_NOT_FOUND = 10059
STREAM_EXISTS = 10058
CONSUMER_NOT_FOUND = 10014
WRONG_LAST_SEQUENCE = (10071, 10164)
WRONG_LAST_ID = 10070
CONTAINS_REPETITION = 10201
INCOMPLETE_BATCH = 10176
NOT_CLUSTERED = 10074
_PASSING = (10005, 10158)  # too few nodes are there; the same id is just being stored
_FULL = (10047, 10023)  # of the server's room, or the account's


class Away(StoreUnavailable):
    """Nothing was sent: there is no connection."""


class NoAnswer(StoreUnavailable):
    """What was asked may have been done, or not: the answer did not come."""


class Nobody(StoreUnavailable):
    """Nobody listens at that subject: what it belongs to is not there, or has no leader now."""


class Declined(StoreError):
    """The server said no, with a code and a number of its own."""

    def __init__(self, store: str, why: str, status: int, number: int) -> None:
        super().__init__(store, why)
        self.status = status
        self.number = number


def declined(error: dict[str, Any], store: str) -> StoreError:
    """What the server's answer means. What may pass by itself is a StoreUnavailable."""
    status, number, why = int(error.get("code", 0)), int(error.get("err_code", 0)), str(error.get("description", ""))
    if number in _FULL:
        return StoreFull(store, why)
    if status in (429, 503) or number in _PASSING or (status == 500 and number != NOT_CLUSTERED):
        return StoreUnavailable(store, why)
    return Declined(store, why, status, number)


def refuses(error: BaseException | None) -> bool:
    """Whether a server does not let this user in."""
    text = str(error).lower()
    return isinstance(error, nats.AuthorizationError) or "authorization" in text or "authentication" in text


def translate(error: BaseException, store: str) -> BaseException:
    """The typed error for an error of the driver; any other error as it is."""
    if isinstance(error, StoreError):
        return error
    if refuses(error):
        return _made(StoreRefused, error, store)
    if isinstance(error, (nats.ConnectionClosedError, nats.ConnectionDrainingError, nats.OutboundBufferLimitError)):
        return _made(Away, error, store)
    if isinstance(error, (nats.Error, OSError, asyncio.TimeoutError)):
        return _made(NoAnswer, error, store)
    return error


def _made(typed: type[StoreError], error: BaseException, store: str) -> StoreError:
    made = typed(store, " ".join(str(error).split()) or type(error).__name__)
    made.__cause__ = error
    return made
