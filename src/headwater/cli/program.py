"""The command's parts put together, and what becomes of errors."""

from collections.abc import Sequence
from importlib.metadata import version
from typing import Annotated

import typer

from headwater.cli import bench, plugins, run_app, store, view
from headwater.cli.output import complain
from headwater.errors import HeadwaterError

HELP = """Headwater: run event-driven applications and look after their stores.

A store's address is [bold]sqlite:///file.db[/bold] (relative to here) or [bold]sqlite:////absolute/file.db[/bold]; set
HEADWATER_STORE to spare giving it each time. In a checkout, `./headwater test` passes the tests.
"""


def run(arguments: Sequence[str]) -> int:
    """Carry out a command line and return its exit code. An unexpected error keeps its traceback."""
    program = build(arguments)
    try:
        program(list(arguments), prog_name="headwater")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(bool(end.code))
    except* HeadwaterError as errors:
        for error in _leaves(errors):
            complain(str(error))
        return_code = 1
    else:
        return_code = 0
    return return_code


def _leaves(group: BaseExceptionGroup[HeadwaterError]) -> list[HeadwaterError]:
    found = []
    for error in group.exceptions:
        found += _leaves(error) if isinstance(error, BaseExceptionGroup) else [error]
    return found


def build(arguments: Sequence[str]) -> typer.Typer:
    """The command with its subcommands; other packages' are loaded only when `arguments` may be about them."""
    program = typer.Typer(
        help=HELP, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, rich_markup_mode="rich"
    )
    program.callback()(_options)
    program.command("run")(run_app.run)
    program.add_typer(store.commands, name="store")
    program.add_typer(view.commands, name="view")
    program.command("bench", context_settings=bench.PASS_ON, add_help_option=False)(bench.bench)
    own = {"run", "store", "view", "bench"}
    if not own.intersection(arguments[:1]):
        plugins.add(program, own)
    return program


def _version(wanted: bool) -> None:
    if wanted:
        print(f"headwater {version('headwater')}")
        raise typer.Exit


def _options(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Say which version.")] = False,
) -> None: ...
