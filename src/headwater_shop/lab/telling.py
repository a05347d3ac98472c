"""Which variation of a fault tells most of an architecture."""

from collections.abc import Sequence
from typing import Final

from headwater_shop.architectures import ARCHITECTURES
from headwater_shop.lab.plan import variations
from headwater_shop.lab.raw import Fault
from headwater_shop.lab.results import Result

_BY_TITLE: Final = {each.title: each for each in ARCHITECTURES}


def main_variation(runs: Sequence[Result], fault: Fault) -> str:
    """Of the variations that these runs of an architecture under a fault have, the first that a plan would have; ''
    where there are no runs."""
    there = {each.run.variation for each in runs}
    if not there:
        return ""
    architecture = _BY_TITLE.get(runs[0].run.architecture)
    planned = variations(architecture, fault, everything=True) if architecture else ()
    return next((each for each in planned if each in there), min(there))
