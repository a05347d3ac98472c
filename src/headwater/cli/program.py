"""The command's parts put together, and what becomes of errors."""

from collections.abc import Iterator, Sequence
from importlib.metadata import version
from typing import Annotated

import typer

from headwater.cli import bench, deadletters, plugins, run_app, schema, snapshot, store, stream, subjects, view
from headwater.cli.output import complain
from headwater.errors import BadInput, HeadwaterError, InvalidName, UnknownType

ASKED_WRONG = (UnknownType, InvalidName)
"""Errors that end with exit code 2, besides a BadInput of no further kind: another question may be answered."""

HELP = """Headwater: run event-driven applications and look after their stores.

A store's address is [bold]sqlite:///file.db[/bold] (relative to here) or [bold]sqlite:////absolute/file.db[/bold], or
[bold]postgresql://user@host/database[/bold], where [bold]?schema=name[/bold] tells several stores in it apart; set
HEADWATER_STORE to spare giving it each time. In a checkout, `./headwater test` passes the tests.
"""


def run(arguments: Sequence[str]) -> int:
    """Carry out a command line and return its exit code. An unexpected error keeps its traceback."""
    program = build(arguments)
    try:
        program(list(arguments), prog_name="headwater")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(bool(end.code))
    except HeadwaterError as error:
        return _say([error])
    except BaseExceptionGroup as group:
        if group.split(HeadwaterError)[1]:
            raise
        return _say(list(_leaves(group)))
    return 0


def _say(errors: Sequence[BaseException]) -> int:
    for error in errors:
        complain(str(error))
    return 2 if all(isinstance(error, ASKED_WRONG) or type(error) is BadInput for error in errors) else 1


def _leaves(group: BaseExceptionGroup) -> Iterator[BaseException]:
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from _leaves(error)
        else:
            yield error


def build(arguments: Sequence[str]) -> typer.Typer:
    """The command with its subcommands; other packages' are loaded only when `arguments` may be about them."""
    program = typer.Typer(
        help=HELP,
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode="rich",
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    program.callback()(_options)
    program.command("run")(run_app.run)
    program.add_typer(store.commands, name="store")
    program.add_typer(view.commands, name="view")
    program.command("forget")(subjects.forget)
    program.add_typer(subjects.commands, name="subject")
    program.add_typer(snapshot.commands, name="snapshot")
    program.add_typer(stream.commands, name="stream")
    program.add_typer(deadletters.commands, name="deadletters")
    program.add_typer(schema.commands, name="schema")
    program.command("bench", context_settings=bench.PASS_ON, add_help_option=False)(bench.bench)
    own = {"run", "store", "view", "snapshot", "stream", "deadletters", "schema", "bench", "forget", "subject"}
    if not own.intersection(arguments[:1]):
        plugins.add(program, own)
    return program


def _version(wanted: bool) -> None:
    if wanted:
        print(f"headwater {version('headwater')}")
        raise typer.Exit


def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Say which version.")
    ] = False,
) -> None: ...
