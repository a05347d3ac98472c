"""Subcommands of other packages: entry points of the group `headwater.commands`, a `typer.Typer` or a function each."""

from collections.abc import Callable, Set
from importlib.metadata import EntryPoint, entry_points

import typer

from headwater.cli.output import complain

GROUP = "headwater.commands"


def add(program: typer.Typer, taken: Set[str]) -> None:
    """Add every subcommand that other packages bring. One that cannot be loaded is warned of, and says why when it
    is called; nothing else suffers from it."""
    for entry in sorted(entry_points(group=GROUP), key=lambda entry: entry.name):
        if entry.name in taken:
            complain(f"{_whose(entry)} brings a command {entry.name!r}, which there is already; left out", "warning")
            continue
        try:
            _attach(program, entry.name, entry.load())
        except Exception as error:  # whatever another package does at import must not take this command down
            why = f"the command {entry.name!r} of {_whose(entry)} cannot be loaded: {type(error).__name__}: {error}"
            complain(why, "warning")
            program.command(entry.name, help="(cannot be loaded)", context_settings=_ANYTHING)(_failing(why))


_ANYTHING = {"ignore_unknown_options": True, "allow_extra_args": True}


def _attach(program: typer.Typer, name: str, command: object) -> None:
    if isinstance(command, typer.Typer):
        program.add_typer(command, name=name)
    elif callable(command):
        program.command(name)(command)
    else:
        raise TypeError(f"{command!r} is neither a typer.Typer nor a function")


def _failing(why: str) -> Callable[[], None]:
    def fail() -> None:
        complain(why)
        raise typer.Exit(1)

    return fail


def _whose(entry: EntryPoint) -> str:
    return entry.dist.name if entry.dist else entry.value
