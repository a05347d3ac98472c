"""`headwater shop`: runs the shop, imports transactions into it, and reports what it sold."""

import asyncio
import errno
import signal
from collections.abc import Collection, Coroutine, Iterator
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, TypeVar

import msgspec
import typer

from headwater.cli.output import Json, complain, note, print_facts, print_json, print_line, print_rows, progress
from headwater.http import Address, serve
from headwater.http import run as run_loop
from headwater_shop.architectures import architecture_of
from headwater_shop.built import Where, run_built
from headwater_shop.event_driven.views import rejected_row
from headwater_shop.imports import ImportResult, import_file
from headwater_shop.lab.cli import lab
from headwater_shop.report import report as sales_report
from headwater_shop.running import (
    DEFAULT_STORE,
    Running,
    Surroundings,
    fill_if_empty,
    fill_if_new,
    helping,
    looking,
    running,
)
from headwater_shop.traffic import Traffic
from headwater_shop.web import shop_ui

T = TypeVar("T")

PORTS_TRIED = 50

shop = typer.Typer(help="The example shop: run it, import transactions, see what was sold.", add_completion=False)

Store = Annotated[
    str, typer.Option("--store", envvar="HEADWATER_STORE", help="The store's address; var/shop.db is in this folder.")
]

Broker = Annotated[
    str,
    typer.Option(
        "--broker",
        envvar="HEADWATER_BROKER",
        help="A broker's address: the services speak to each other through its topics, not through the store.",
    ),
]
PaymentDelay = Annotated[float, typer.Option("--payment-delay", min=0, help="Seconds that the bank takes.")]
PaymentFailures = Annotated[
    float, typer.Option("--payment-failures", min=0, max=1, help="Share of payments the bank declines.")
]
Packing = Annotated[float, typer.Option("--packing", min=0, help="Seconds from paid to dispatched.")]


class Architecture(Enum):
    """How the shop is built."""

    EVENT_DRIVEN = "event_driven"
    TRADITIONAL = "traditional"
    SOA = "soa"
    MICROSERVICES = "microservices"
    POINT_TO_POINT = "point_to_point"


class Variant(Enum):
    """A way of building it so."""

    NAIVE = "naive"
    HARDENED = "hardened"
    GATED = "gated"


@shop.callback(invoke_without_command=True)
def run(
    context: typer.Context,
    store: Store = DEFAULT_STORE,
    broker: Broker = "",
    host: Annotated[str, typer.Option(help="Where to listen; 0.0.0.0 for everywhere.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Which port, or the next free one; 0 for any.")] = 8000,
    traffic: Annotated[int, typer.Option(min=0, max=500, help="So many simulated shoppers buy.")] = 0,
    without: Annotated[
        list[str] | None, typer.Option(help="A worker that another process is: see `work`. May be repeated.")
    ] = None,
    payment_delay: PaymentDelay = 1.0,
    payment_failures: PaymentFailures = 0.05,
    packing: Packing = 3.0,
    architecture: Annotated[Architecture, typer.Option(help="How the shop is built.")] = Architecture.EVENT_DRIVEN,
    variant: Annotated[
        Variant | None,
        typer.Option(
            help="In which way: point_to_point as naive or hardened; event_driven, in processes, as naive or gated."
        ),
    ] = None,
) -> None:
    """Run the Shop UI until Ctrl-C. A new store is filled with a made-up year of sales first.

    Built otherwise than event-driven, or in a variant, the shop is one process for each service and one for the bank;
    their databases are in a folder beside the store's file, and are filled with the products alone.
    """
    context.default_map = {name: {"store": store} for name in ("import", "report", "rejected")}
    context.default_map["work"] = {"store": store, "broker": broker}
    if context.invoked_subcommand is None:
        surroundings = Surroundings(payment_delay, payment_failures, packing)
        if architecture is Architecture.EVENT_DRIVEN and variant is None:
            _carry_out(_run(store, broker, surroundings, without or (), Address(host, port), traffic))
        else:
            if traffic or without or host != "127.0.0.1":
                raise typer.BadParameter("--traffic, --without and --host are for the event-driven shop in one process")
            built = architecture_of(architecture.value, variant.value if variant else "")
            _carry_out(run_built(built, Where(store, broker, port), surroundings))
        note("the shop is closed")


def _carry_out(work: Coroutine[Any, Any, T]) -> T:
    """The result of a coroutine. What the system refuses (a port, a file) is said in a line; exit code 1."""
    try:
        return run_loop(work)
    except* OSError as errors:
        for error in _leaves(errors):
            complain(str(error))
        raise typer.Exit(1) from None


def _leaves(group: BaseExceptionGroup[OSError]) -> Iterator[OSError]:
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from _leaves(error)
        else:
            yield error


async def _run(
    store: str, broker: str, surroundings: Surroundings, without: Collection[str], at: Address, shoppers: int
) -> None:
    with progress("filling the shop with a made-up year", 1) as show:
        filled = await fill_if_new(store, lambda done, total: show(done / max(total, 1)))
    async with running(store, surroundings, broker=broker, without=without) as opened:
        if filled is None:
            filled = await fill_if_empty(opened.runtime)
        if filled:
            note(f"filled {opened.runtime.store.address} with {filled.rows:,} made-up rows in {filled.seconds:.1f} s")
        traffic = Traffic(opened.runtime, shoppers, say=note, clicks=opened.clicks)
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(traffic.run(), name="traffic")]
            if opened.clicks is not None:
                tasks.append(group.create_task(opened.clicks.run(), name="clicks"))
            await _serve(opened, at)
            for task in tasks:
                task.cancel()


async def _serve(opened: Running, at: Address) -> None:
    """Serve at the port or the next that is free."""
    runtime = opened.runtime

    def tell(address: Address) -> None:
        print_line(f"The shop is open at {address.url}/ on {runtime.store.address}; Ctrl-C closes it".encode())

    ui = shop_ui(runtime, opened.cards, opened.clicks)
    last = at.port if at.port == 0 else min(at.port + PORTS_TRIED, 65535)
    for candidate in range(at.port, last + 1):
        try:
            return await serve(ui, at.host, candidate, started=tell)
        except OSError as error:
            if error.errno != errno.EADDRINUSE or candidate == last:
                raise
    return None


@shop.command()
def work(
    store: Store = DEFAULT_STORE,
    broker: Broker = "",
    only: Annotated[
        list[str] | None,
        typer.Option(
            help="The worker to be, by the name of a reaction, a consumer, a topic to relay to, `views` or "
            "`timers`; all of them without this. May be repeated."
        ),
    ] = None,
    payment_delay: PaymentDelay = 1.0,
    payment_failures: PaymentFailures = 0.05,
    packing: Packing = 3.0,
) -> None:
    """Work for a shop as a process of its own, without pages, until Ctrl-C."""
    _carry_out(_work(store, broker, Surroundings(payment_delay, payment_failures, packing), only or ()))
    note("the work has ended")


async def _work(store: str, broker: str, surroundings: Surroundings, only: Collection[str]) -> None:
    async with helping(store, surroundings, broker=broker, only=only) as opened:
        names = ", ".join(only) or "all workers"
        print_line(f"At work for {opened.runtime.store.address}: {names}; Ctrl-C ends it".encode())
        await _told_to_end()


async def _told_to_end() -> None:
    told, loop = asyncio.Event(), asyncio.get_running_loop()
    for each in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(each, told.set)
    await told.wait()


@shop.command("import")
def import_(
    file: Annotated[Path, typer.Argument(help="A CSV file of the Online Retail form, plain or gzipped.")],
    store: Store = DEFAULT_STORE,
    json: Json = False,
) -> None:
    """Import a file of transactions. What was imported before is left as it is."""
    result = _carry_out(_import(file, store))
    print_facts(msgspec.structs.asdict(result), json)
    if result.rejected and not json:
        note(f"{result.rejected:,} rows were rejected; see them with: headwater shop rejected --store {store}")


async def _import(file: Path, store: str) -> ImportResult:
    with progress(f"importing {file.name}", 1) as show:
        async with looking(store, create=True) as runtime:
            return await import_file(runtime, file, lambda done, total: show(done / max(total, 1)))


@shop.command()
def report(store: Store = DEFAULT_STORE, json: Json = False) -> None:
    """Print what was sold, exact to the penny."""
    figures = _carry_out(_report(store))
    if json:
        print_json(figures)
        return
    top = figures.pop("top_products")
    print_facts(figures, json=False)
    print_rows(top, json=False)


async def _report(store: str) -> dict[str, Any]:
    async with looking(store) as runtime:
        return await sales_report(runtime)


@shop.command()
def rejected(
    store: Store = DEFAULT_STORE,
    limit: Annotated[int, typer.Option(min=1, help="At most this many rows.")] = 1000,
    json: Json = False,
) -> None:
    """List the imported files' rows that could not be read, and why."""
    print_rows(_carry_out(_rejected(store, limit)), json, nothing="no row was rejected")


async def _rejected(store: str, limit: int) -> list[dict[str, Any]]:
    async with looking(store) as runtime:
        rows = await runtime.find(rejected_row, order_by=("file", "line", "key"), limit=limit)
        return [{"file": row.file, "line": row.line, "reason": row.reason, "text": row.text} for row in rows]


shop.command()(lab)
