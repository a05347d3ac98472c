"""Views that change with the append itself, as a port: how is the adapter's business."""

from collections.abc import Sequence
from typing import Protocol

from headwater.views.runner import Projection


class InlineViews(Protocol):
    """Moves projections in the transaction of every append that concerns them. A fold that raises fails the append."""

    async def attach(self, projections: Sequence[Projection]) -> None:
        """From now on these move with every append."""

    async def run(self) -> None:
        """Take in what others append who do not have these views. Until cancelled."""
