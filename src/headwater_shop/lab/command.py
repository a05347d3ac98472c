"""`headwater shop lab`: puts the architectures through faults, and says what came of it."""

import asyncio
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bar

from headwater.cli.output import note, print_json, print_rows
from headwater.clock import Clock, to_datetime
from headwater.errors import BadInput
from headwater_shop.architecture import Architecture
from headwater_shop.lab import plan, recording, table
from headwater_shop.lab.plan import FAULTS, Pace, Session
from headwater_shop.lab.raw import Fault
from headwater_shop.lab.results import result
from headwater_shop.lab.runner import Lab, Progress

FOLDER: Final = Path("lab-results")
REPETITIONS: Final = 3  # of the full plan


@dataclass(frozen=True)
class Wanted:
    """What is asked of the laboratory. `only` names architectures (`point_to_point`) or one way of one
    (`point_to_point/naive`); empty: all."""

    quick: bool
    only: Sequence[str]
    faults: Sequence[Fault]
    repetitions: int
    seed: int

    @property
    def pace(self) -> Pace:
        """How long everything takes."""
        return plan.QUICK if self.quick else plan.FULL

    def sessions(self, architectures: Sequence[Architecture]) -> list[Session]:
        """All that is to be run. Raises BadInput for an architecture that there is not."""
        chosen = [each for each in architectures if not self.only or {each.title, each.name} & set(self.only)]
        known = {each.title for each in architectures} | {each.name for each in architectures}
        if unknown := [each for each in self.only if each not in known]:
            raise BadInput(f"there is no architecture {unknown[0]!r}: give one of {', '.join(sorted(known))}")
        return plan.plan(chosen, self.faults, self.pace, repetitions=self.repetitions, seed=self.seed)


def faults(text: str) -> tuple[Fault, ...]:
    """Faults by their names, such as `F1,F3`; all of them where there is no text. Raises BadInput."""
    names = [each.strip().upper() for each in text.split(",") if each.strip()]
    if unknown := [each for each in names if each not in FAULTS]:
        raise BadInput(f"there is no fault {unknown[0]!r}: give some of {','.join(FAULTS)}")
    return tuple(each for each in FAULTS if not names or each in names)


def new_folder(clock: Clock) -> Path:
    """Where raw data go if nobody says otherwise."""
    return FOLDER / f"{to_datetime(clock.now()):%Y-%m-%d-%H%M%S}"


async def conduct(lab: Lab, sessions: Sequence[Session]) -> bool:
    """Make all runs, showing how far it is; whether it came to its end. On Ctrl-C the run under way is given up, all
    processes end, and what was measured before is there."""
    loop, interrupted = asyncio.get_running_loop(), asyncio.Event()
    task = asyncio.create_task(_made(lab, sessions), name="laboratory")

    def interrupt() -> None:
        interrupted.set()
        task.cancel()

    for each in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(each, interrupt)
    try:
        await task
    except asyncio.CancelledError:
        if not interrupted.is_set():
            raise
        note("interrupted: what was measured is kept")
        return False
    finally:
        for each in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(each)
    return True


async def _made(lab: Lab, sessions: Sequence[Session]) -> None:
    runs = sum(len(each.runs) for each in sessions)
    most = timedelta(seconds=round(plan.seconds(sessions, lab.pace)))
    note(f"{runs} runs on {len(sessions)} starts, {most} at most; raw data in {lab.folder}")
    with _showing(runs) as told:
        await lab.carry_out(sessions, told)


@contextmanager
def _showing(runs: int) -> Iterator[Any]:
    """A bar where there is a terminal, else a line for each run."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Bar(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("the laboratory", total=runs)

        def told(progress: Progress) -> None:
            planned = progress.planned
            line = f"{planned.architecture.title} {planned.fault} {planned.variation}".strip()
            if progress.trouble:
                console.print(f"{line}: could not be run: {progress.trouble}", style="yellow", highlight=False)
            elif not console.is_terminal:
                note(line)
            bar.update(task, advance=1, description=line)

        yield told


def tell(folder: Path, *, json: bool) -> None:
    """The main figures of a folder, on stdout."""
    results = [result(lines) for lines in recording.read_all(folder)]
    if json:
        print_json([asdict(each) | {"run": each.run} for each in results])
    else:
        print_rows(table.rows(results), json=False, nothing="nothing was measured")
