"""What the command says: facts on stdout, as tables for people or JSON for programs; all else on stderr."""

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Annotated, Any

import msgspec
import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from headwater.clock import Clock

Json = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]

_encode = msgspec.json.Encoder(enc_hook=str).encode


def complain(text: str, kind: str = "error") -> None:
    """One line on stderr, red for an error, yellow for a warning."""
    colour = "yellow" if kind == "warning" else "bold red"
    Console(stderr=True).print(Text(f"{kind}: ", colour) + Text(text), soft_wrap=True, highlight=False)


def note(text: str) -> None:
    """One line on stderr for people to know what goes on."""
    Console(stderr=True).print(Text(text), soft_wrap=True, highlight=False)


def _stdout() -> Console:
    """Where facts go; as wide as they are where no terminal bounds them, so that each row is one line."""
    console = Console()
    return console if console.is_terminal else Console(width=100_000)


def clear() -> None:
    """Begin on an empty screen, where stdout is a terminal."""
    Console().clear()


def print_json(value: Any) -> None:
    """A value as indented JSON."""
    print(msgspec.json.format(_encode(value), indent=2).decode())


def print_line(value: bytes) -> None:
    """One line of JSON, out at once: someone may be waiting for it."""
    sys.stdout.write(value.decode() + "\n")
    sys.stdout.flush()


def print_facts(facts: Mapping[str, Any], json: bool) -> None:
    """Names and values."""
    if json:
        print_json(facts)
        return
    table = Table.grid(padding=(0, 2))
    for name, value in facts.items():
        table.add_row(Text(name.replace("_", " "), "dim"), Text(shown(value)))
    _stdout().print(table)


def print_rows(rows: Sequence[Mapping[str, Any]], json: bool, nothing: str = "nothing") -> None:
    """Rows of the same columns; `nothing` is said of an empty list."""
    if json:
        print_json(rows)
        return
    if not rows:
        note(nothing)
        return
    table = Table(box=None, header_style="bold", padding=(0, 2, 0, 0))
    for name in rows[0]:
        number = all(isinstance(row[name], int | float) and not isinstance(row[name], bool) for row in rows)
        table.add_column(name.replace("_", " "), justify="right" if number else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(shown(value)) for value in row.values()))
    _stdout().print(table)


def shown(value: Any) -> str:
    """A value as people read it."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, Mapping):
        return "\n".join(f"{name}: {shown(each)}" for name, each in value.items()) or "–"
    if isinstance(value, list | tuple):
        return "\n".join(map(shown, value)) or "–"
    return str(value)


@contextmanager
def progress(what: str, total: float, *, shown: bool = True) -> Iterator[Callable[[float], None]]:
    """A bar with the time left on stderr, if that is a terminal and it is to be `shown`; gives a function that takes
    how far it is now."""
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not (shown and console.is_terminal)) as bar:
        task = bar.add_task(what, total=total)
        yield lambda done: bar.update(task, completed=done)


@contextmanager
def counting(what: str, total: float, clock: Clock, *, shown: bool = True) -> Iterator[Callable[[float, int], None]]:
    """The same, saying how many a second; the function takes how far it is and how many that were."""
    start = clock.monotonic()
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not (shown and console.is_terminal)) as bar:
        task = bar.add_task(what, total=total)

        def show(done: float, count: int) -> None:
            rate = count / max(clock.monotonic() - start, 1e-9)
            bar.update(task, completed=done, description=f"{what} {rate:,.0f}/s")

        yield show
