"""Rows of imported files that were rejected."""

import msgspec

from headwater import View
from headwater_shop.domain.rejection import RowRejected


class RejectedRowRow(msgspec.Struct, frozen=True):
    """A row that no rule could read, with the file and line it stood in."""

    key: str
    file: str = ""
    line: int = 0
    reason: str = ""
    text: str = ""


def _rejected_key(event: RowRejected) -> str:
    return f"{event.digest}-{event.nth}"


def _evolve_rejected(row: RejectedRowRow, event: RowRejected) -> RejectedRowRow:
    return RejectedRowRow(row.key, event.file, event.line, event.reason, event.text)


rejected_row = View(
    "rejected_row", key=_rejected_key, initial=RejectedRowRow, evolve=_evolve_rejected, index=(("file", "line"),)
)
