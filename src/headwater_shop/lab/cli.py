"""`headwater shop lab` as a command of the shop's command line."""

from functools import partial
from pathlib import Path
from typing import Annotated, Final

import typer

from headwater.cli.output import Json, complain, note
from headwater.clock import SystemClock
from headwater.errors import BadInput
from headwater.http import run
from headwater_shop.architectures import ARCHITECTURES, EVENTS_GATED
from headwater_shop.domain.order import PAYMENT_DEADLINE
from headwater_shop.event_driven import gate
from headwater_shop.event_driven.interfaces import Name
from headwater_shop.lab import command, report
from headwater_shop.lab.command import REPETITIONS, Wanted
from headwater_shop.lab.launch import Launcher
from headwater_shop.lab.plan import Pace
from headwater_shop.lab.runner import Lab
from headwater_shop.launching import Setting, launched


def _asked(change: str) -> str:
    """What the schema gate says of a deployment of that interface."""
    names: Final[dict[str, Name]] = {"additive": "additive", "renamed": "renamed", "required": "required"}
    return gate.refusal(gate.ask(names[change]))


def _launcher(pace: Pace) -> Launcher:
    """Starts shops whose customers have a scaled time to pay: fifteen of the shop's minutes."""
    deadline = PAYMENT_DEADLINE.total_seconds() * pace.time_scale
    return partial(launched, setting=Setting(payment_deadline=deadline))


def lab(
    quick: Annotated[bool, typer.Option("--quick", help="Short faults, one repetition: ten minutes.")] = False,
    out: Annotated[Path | None, typer.Option(help="The folder for raw data and report.html.")] = None,
    only: Annotated[
        list[str] | None,
        typer.Option(help="An architecture, such as soa or point_to_point/naive. May be repeated."),
    ] = None,
    faults: Annotated[str, typer.Option(help="Some faults only, such as F1,F3.")] = "",
    repetitions: Annotated[int | None, typer.Option(min=1, help="How often each run is made.")] = None,
    seed: Annotated[int, typer.Option(help="Draws the load and the order of the runs.")] = 1,
    json: Json = False,
) -> None:
    """Measure all architectures under faults: F0 none, F1 checkout is killed, F2 the bank is slow, F3 an interface
    changes, F4 the store of the orders is lost, F5 a tenfold burst.

    Without --quick this takes a night. Ctrl-C ends it; what was measured until then is reported.
    """
    times = repetitions if repetitions is not None else 1 if quick else REPETITIONS
    wanted = Wanted(quick, tuple(only or ()), command.faults(faults), times, seed)
    folder = out or command.new_folder(SystemClock())
    if any(folder.glob("*.jsonl")):
        raise BadInput(f"there are raw data in {folder}: give another folder")
    made = Lab(_launcher(wanted.pace), wanted.pace, folder, {EVENTS_GATED.title: _asked})
    run(command.conduct(made, wanted.sessions(ARCHITECTURES)))
    command.tell(folder, json=json)
    try:
        note(f"the report: {report.write(folder)}")
    except ValueError as error:
        complain(str(error), "warning")
