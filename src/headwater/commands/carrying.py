"""Executing commands that follow from something that has happened."""

import logging
from typing import Any, Protocol

from headwater.errors import BadInput, IdReused, Rejected, UnknownType
from headwater.messages import Metadata

log = logging.getLogger(__name__)


class Execute(Protocol):
    """How a command gets executed."""

    async def __call__(self, command: object, /, *, id: str, metadata: Metadata) -> Any: ...


async def carry_out(execute: Execute, command: object, id: str, metadata: Metadata) -> None:
    """Execute a command that follows from an event, a record or a timer.

    The domain's "no" counts as done. So does a command in whose place another one was executed before (what it follows
    from came again, after a crash, and was answered differently), and one that can never succeed, which is logged as a
    warning.
    """
    try:
        await execute(command, id=id, metadata=metadata)
    except (Rejected, IdReused) as no:
        log.info("command %s of %s was not executed: %s", type(command).__name__, id, no)
    except UnknownType:
        raise  # nobody decides on it: the application is declared wrong
    except BadInput as error:
        log.warning("command %s of %s can never be executed: %s", type(command).__name__, id, error)
