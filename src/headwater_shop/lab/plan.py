"""What is to be run, in what order, for how long. Pure: the same seed gives the same plan."""

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from headwater_shop.architecture import Architecture
from headwater_shop.lab.arrivals import Burst
from headwater_shop.lab.raw import Fault
from headwater_shop.lab.watch import Patience

FAULTS: Final[tuple[Fault, ...]] = ("F0", "F1", "F2", "F3", "F4", "F5")
CHANGES: Final = ("additive", "renamed", "required")
ORDERS: Final = ("producer-first", "consumer-first")
BURST: Final = 10.0
_TELLS_MOST: Final = "renamed/producer-first"


@dataclass(frozen=True)
class Pace:
    """How long everything takes, and how much comes. A fault stands for an outage of five minutes, so `time_scale` is
    its length by 300 seconds; `timeout` is how long a shopper waits. `fresh`: every run gets a start of its own."""

    load: float
    fault_from: float
    fault_to: float
    orders: float
    browses: float
    timeout: float
    patience: Patience
    fresh: bool
    everything: bool
    """All variations of a fault, or only the one that tells most."""

    @property
    def time_scale(self) -> float:
        """Seconds of the laboratory for a second of the shop's."""
        return (self.fault_to - self.fault_from) / OUTAGE

    @property
    def burst(self) -> Burst:
        """F5."""
        return Burst(self.fault_from, self.fault_to, BURST)


OUTAGE: Final = 300.0  # seconds that a fault stands for

QUICK: Final = Pace(7.0, 1.0, 5.0, 4.0, 12.0, 3.0, Patience(12.0, 1.5), fresh=False, everything=False)
FULL: Final = Pace(50.0, 10.0, 30.0, 4.0, 12.0, 5.0, Patience(60.0, 10.0), fresh=True, everything=True)


@dataclass(frozen=True)
class Planned:
    """A run to come."""

    architecture: Architecture
    fault: Fault
    variation: str
    repetition: int
    seed: int

    @property
    def id(self) -> str:
        """A name for files."""
        parts = (self.architecture.title.replace("/", "-"), self.fault, self.variation, str(self.repetition))
        return "_".join(part for part in parts if part).replace("/", "-")


@dataclass(frozen=True)
class Session:
    """Runs on one start of an architecture, one after the other."""

    architecture: Architecture
    runs: Sequence[Planned] = field(default=())


def plan(
    architectures: Sequence[Architecture], faults: Iterable[Fault], pace: Pace, *, repetitions: int, seed: int
) -> list[Session]:
    """All runs, in an order drawn by the seed; within a shared start, F3 comes last: its change stays."""
    rng, faults = random.Random(seed), tuple(faults)
    sessions: list[Session] = []
    for repetition in range(1, repetitions + 1):
        once = []
        for architecture in architectures:
            runs = [
                Planned(architecture, fault, variation, repetition, rng.randrange(2**31))
                for fault in faults
                for variation in variations(architecture, fault, everything=pace.everything)
            ]
            rng.shuffle(runs)
            if pace.fresh:
                once += [Session(architecture, (each,)) for each in runs]
            elif runs:
                once.append(Session(architecture, sorted(runs, key=lambda each: each.fault == "F3")))
        rng.shuffle(once)
        sessions += once
    return sessions


def variations(architecture: Architecture, fault: Fault, *, everything: bool) -> tuple[str, ...]:
    """The kinds of a fault that an architecture is put through, the one that tells most first."""
    match fault:
        case "F1":
            others = [each.name for each in architecture.services if each.name != architecture.checkout]
            found = (architecture.checkout, *others)
        case "F2":
            found = ("slow", "silent")
        case "F3":
            found = _changes(architecture)
        case "F4":
            found = _keepers(architecture)
        case _:
            found = ("",)
    return found if everything else found[:1]


def _changes(architecture: Architecture) -> tuple[str, ...]:
    """Who comes first is no question where nobody else reads the interface."""
    orders = ORDERS if architecture.consumers else ORDERS[:1]
    return tuple(sorted((f"{change}/{order}" for change in CHANGES for order in orders), key=_TELLS_MOST.__ne__))


def _keepers(architecture: Architecture) -> tuple[str, ...]:
    """What is killed where a store and a broker are apart: the store first, which is what others' keepers are."""
    if architecture.keeper in ("store", "broker"):
        return "store", "broker"
    return (architecture.keeper,)


def seconds(sessions: Sequence[Session], pace: Pace) -> float:
    """About how long that takes."""
    runs = sum(len(each.runs) for each in sessions)
    return runs * (pace.load + pace.patience.longest / 3 + 2) + 5.0 * len(sessions)
