"""`headwater schema`: the schemas of events, what a change of them breaks, and documents made of them."""

import asyncio
from importlib.metadata import version as version_of
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from headwater.cli.drifting import drift_of_store, drift_of_topic
from headwater.cli.given import reading
from headwater.cli.opening import Store, Target, load_app, opened
from headwater.cli.output import Json, complain, counting, note, print_facts, print_json, print_rows
from headwater.clock import SystemClock
from headwater.errors import BadInput
from headwater.fold import App
from headwater.schemas.asyncapi import asyncapi
from headwater.schemas.catalogue import as_markdown, catalogue
from headwater.schemas.drift import OLD, UNUSED
from headwater.schemas.gate import Finding, check
from headwater.schemas.modes import Mode
from headwater.schemas.page import as_html
from headwater.schemas.sarif import sarif
from headwater.schemas.snapshot import Snapshot, dump, load
from headwater.schemas.taking import joined, taken
from headwater.schemas.verifying import Verified, verify, verify_sample

commands = typer.Typer(help="See to it that what is stored and published stays readable.", no_args_is_help=True)

File = Annotated[Path, typer.Argument(metavar="FILE", help="Where the snapshot is kept, in your repository.")]
SCHEMAS = Path("schemas.json")


def _mode(about: str) -> Any:
    return typer.Option(case_sensitive=False, metavar="MODE", show_default=False, help=f"The mode of {about}.")


@commands.command()
def snapshot(
    target: Target,
    file: File = SCHEMAS,
    force: Annotated[bool, typer.Option("--force", help="Accept what breaks, and forget what was before.")] = False,
) -> None:
    """Write down the schemas of all events and commands, to be compared with later.

    Other applications' in the same file stay. Exit code 1, and nothing written, when what is there already would break.
    """
    app = load_app(target)
    before = _snapshot(file) if file.exists() else Snapshot()
    found = check(app, before)
    if found and not force:
        _tell(found)
        complain(f"{file} is left as it was: it would break; mend it, or accept it with --force")
        raise typer.Exit(1)
    after = _after(app, before, found)
    new = dump(after)
    if file.exists() and file.read_bytes() == new:
        note(f"{file} is up to date")
        return
    file.write_bytes(new)
    kinds = sum(len(each.versions) for each in after.apps[app.name].events.values())
    note(f"{file}: {kinds:,} versions of {len(after.apps[app.name].events):,} event types of {app.name!r}")


def _after(app: App, before: Snapshot, found: list[Finding]) -> Snapshot:
    """What broke and is accepted begins anew."""
    broken, old = {each.type for each in found}, before.apps.get(app.name)
    if old is not None:
        kept = {type: event for type, event in old.events.items() if type not in broken}
        old = msgspec.structs.replace(old, events=kept)
    return msgspec.structs.replace(before, apps={**before.apps, app.name: joined(old, taken(app))})


def _snapshot(file: Path) -> Snapshot:
    with reading(str(file)):
        return load(file.read_bytes())


@commands.command(name="check")
def check_command(
    target: Target,
    file: File = SCHEMAS,
    stored: Annotated[Mode | None, _mode("what is only stored; else what FILE says, or BACKWARD_TRANSITIVE")] = None,
    published: Annotated[Mode | None, _mode("what topics carry; else what FILE says, or FULL_TRANSITIVE")] = None,
    json: Json = False,
    as_sarif: Annotated[bool, typer.Option("--sarif", help="Print SARIF 2.1.0, for code hosts.")] = False,
) -> None:
    """Tell what the code breaks of what was written down, whom, and how to mend it.

    MODE is BACKWARD, FORWARD or FULL, each also with _TRANSITIVE, or NONE. Exit code 1 when something breaks, 2 when
    there is nothing to compare with.
    """
    app = load_app(target)
    if not file.exists():
        raise BadInput(f"there is no {file}: make it with `headwater schema snapshot {target} {file}`, and commit it")
    before = _snapshot(file)
    asked = before.compatibility
    asked = msgspec.structs.replace(asked, stored=stored or asked.stored, published=published or asked.published)
    if app.name not in before.apps:
        complain(f"{file} knows nothing of {app.name!r} yet; add it with `headwater schema snapshot`", "warning")
    found = check(app, before, asked)
    if as_sarif:
        print_json(sarif(found, app, str(file), version_of("headwater")))
    elif json:
        print_json({"compatible": not found, "breaks": found})
    else:
        _tell(found)
    if found:
        raise typer.Exit(1)


def _tell(found: list[Finding]) -> None:
    for each in found:
        print(f"{each.message}")
        print(f"    mend:    {each.mend}")
        print(f"    breaks:  {', '.join(each.consumers) or 'nobody that is declared'}  ({each.mode.value})")
        if each.example is not None:
            print(f"    such as: {_short(msgspec.json.encode(each.example).decode())}")
    note(f"{len(found)} incompatible" if found else "compatible")


def _short(text: str) -> str:
    return text if len(text) <= 300 else text[:299] + "…"


@commands.command(name="verify")
def verify_command(
    target: Target,
    store: Store,
    sample: Annotated[
        int | None, typer.Option(min=1, help="Only about so many events of each type and version.")
    ] = None,
    json: Json = False,
) -> None:
    """Decode and upcast every stored event, and list what fails by type and version.

    Exit code 1 when anything fails. Types that the code does not know are told apart: another application's, or lost.
    """
    found, seconds = asyncio.run(_verify(load_app(target), store, sample, json))
    rows = [
        {
            "type": each.kind.type, "version": each.kind.version, "failed": each.count, "of": found.kinds[each.kind],
            "first_position": each.first, "reason": "unknown type" if each.unknown else each.reason,
        }
        for each in sorted(found.failures.values(), key=lambda each: each.kind)
    ]  # fmt: skip
    facts = {
        "sound": found.sound, "events": found.events, "kinds": len(found.kinds), "seconds": round(seconds, 3),
        "events_per_second": round(found.events / seconds) if seconds else 0,
    }  # fmt: skip
    if json:
        kinds = [{"type": kind.type, "version": kind.version, "events": n} for kind, n in sorted(found.kinds.items())]
        damaged = [{"position": at, "reason": why} for at, why in found.unreadable.items()]
        print_json({**facts, "kinds": kinds, "failures": rows, "unreadable": damaged})
    else:
        print_facts(facts, json=False)
        if rows:
            print_rows(rows, json=False)
        for at, why in found.unreadable.items():
            complain(f"position {at} cannot be read: {why}")
    if not found.sound:
        raise typer.Exit(1)


async def _verify(app: App, url: str, sample: int | None, json: bool) -> tuple[Verified, float]:
    clock = SystemClock()
    async with opened(url) as store:
        start = clock.monotonic()
        with counting("verifying", await store.head(), clock, shown=not json) as show:
            if sample is None:
                found = await verify(app.events, store, show)
            else:
                found = await verify_sample(app.events, store, sample, show)
        return found, clock.monotonic() - start


@commands.command(name="asyncapi")
def asyncapi_command(
    target: Target,
    version: Annotated[str, typer.Option("--app-version", help="The application's own version.")] = "1",
) -> None:
    """Print an AsyncAPI 3.0 document: topics, what goes through them, who sends and receives."""
    print_json(asyncapi(load_app(target), version))


@commands.command()
def catalog(
    target: Target,
    html: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write one page of HTML, which needs nothing else.")
    ] = None,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print Markdown.")] = False,
    json: Json = False,
) -> None:
    """Tell what events there are, who owns, makes and takes them, and what is in them."""
    app = load_app(target)
    entries = catalogue(app)
    if html is not None:
        html.write_text(as_html(app, entries), encoding="utf-8")
        note(f"{html}: {len(entries):,} event types of {app.name!r}")
    elif markdown:
        print(as_markdown(app, entries))
    elif json:
        print_json(entries)
    else:
        rows = [
            {
                "type": each.type, "version": each.version, "owner": each.owner or None, "made_by": each.producers,
                "taken_by": each.consumers, "topics": each.topics, "classification": each.classifications,
            }
            for each in entries
        ]  # fmt: skip
        print_rows(rows, json=False, nothing="no events")


@commands.command(name="drift")
def drift_command(
    target: Target,
    topic: Annotated[str, typer.Argument(metavar="[TOPIC]", help="A topic at --broker.")] = "",
    broker: Annotated[str, typer.Option("--broker", envvar="HEADWATER_BROKER", help="Where the topic is.")] = "",
    store: Annotated[str, typer.Option("--store", envvar="HEADWATER_STORE", help="A store, instead of a topic.")] = "",
    count: Annotated[int, typer.Option(min=1, help="How many of the last ones to look at.")] = 1_000,
    json: Json = False,
) -> None:
    """Hold the last messages of a topic (or events of a store) against what their classes declare.

    Exit code 1 when there are fields that nothing declares, fields that are missing, or other forms than declared.
    """
    app = load_app(target)
    if topic and broker:
        looked_at, found = asyncio.run(drift_of_topic(app, broker, topic, count))
    elif store and not topic:
        looked_at, found = asyncio.run(drift_of_store(app, store, count))
    else:
        raise typer.BadParameter("give a TOPIC and its --broker, or a --store")
    rows = [
        {
            "type": each.kind.type, "version": each.kind.version, "field": each.field or None, "drift": each.what,
            "count": each.count, "of": each.of, "found": each.found, "declared": each.declared or None,
        }
        for each in found
    ]  # fmt: skip
    print_rows(rows, json, nothing="no drift")
    note(f"{looked_at:,} looked at")
    if any(each.what not in (OLD, UNUSED) for each in found):
        raise typer.Exit(1)
