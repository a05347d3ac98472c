"""Forgetting a subject: nothing of its personal data is left anywhere, and all else stays."""

import asyncio
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import msgspec
import psycopg
import pytest
from clicks import until
from people import (
    Address,
    Contact,
    Pay,
    PersonEvent,
    Register,
    Registered,
    app,
    contacts,
    decide,
    evolve,
    inline_contacts,
    mailings,
    people,
    register,
    totals,
)

from headwater import App, Consumer, Decider, Forgotten, NewRecord, Reaction, Runtime, Topic, View
from headwater.app.subjects import HeldEvent
from headwater.errors import DeclarationError, StoreUnavailable, SubjectForgotten, UnknownType, ViewStopped, WrongKeys
from headwater.fold import Snapshots
from headwater.testing.postgres import PostgresServer
from headwater.testing.running import asynchronous

GONE = "[forgotten]"
_marks = count(1_000)


class Places:
    """A store and keys of one kind, and what of them can be looked through byte by byte."""

    def __init__(self, store: str, keys: str, files: Callable[[], list[Path]]) -> None:
        self.store = store
        self.keys = keys
        self.mark = f"MARK{next(_marks)}"
        self._files = files

    def opened(self, application: App = app, **how: Any) -> Any:
        return Runtime.open(application, self.store, keys=self.keys, **how)

    def hold(self, mark: bytes | str = "") -> list[str]:
        """The files in which a mark stands; by default that of this test."""
        looked_for = (mark or self.mark).encode() if isinstance(mark, str) else mark
        return sorted(path.name for path in self._files() if _holds(path, looked_for))


def _holds(path: Path, mark: bytes) -> bool:
    try:
        return mark in path.read_bytes()
    except FileNotFoundError:  # the server has removed it meanwhile
        return False


@pytest.fixture(params=["sqlite", "postgresql"])
def places(request: pytest.FixtureRequest, tmp_path: Path) -> Places:
    if request.param == "sqlite":
        return Places(
            f"sqlite:///{tmp_path}/store.db", f"sqlite:///{tmp_path}/keys.db", lambda: [*tmp_path.glob("*.db*")]
        )
    server: PostgresServer = request.getfixturevalue("postgres")
    new_schema = request.getfixturevalue("new_schema")

    def files() -> list[Path]:
        """Of all tables, as they are on the disk. The write-ahead log is not looked at: it is the operator's."""
        with psycopg.connect(server.url(), autocommit=True) as connection:
            connection.execute("CHECKPOINT")
        return [path for folder in ("base", "global") for path in (server.folder / folder).rglob("*") if path.is_file()]

    return Places(new_schema(server), new_schema(server), files)


async def secret(runtime: Runtime, subject: str) -> bytes:
    assert runtime.keys is not None
    key = await runtime.keys.look_up(subject)
    assert key is not None
    return key.secret


# -- nothing is left


@asynchronous(seconds=60)
async def test_nothing_is_left_of_a_subject_and_all_of_the_others(places: Places) -> None:
    async with places.opened() as runtime:
        for name in ("ann", "bob"):
            await runtime.execute(register(name, f"{places.mark}-{name}"))
            await runtime.execute(Pay(name, 5))
            await runtime.execute(register(name, f"{places.mark}-{name}-again"))  # rows are written over
        await runtime.idle()
        secrets = {name: await secret(runtime, name) for name in ("ann", "bob")}
        for name in ("ann", "bob"):
            assert await runtime.get(contacts, name) == await runtime.get(inline_contacts, name)
            assert places.hold(f"{places.mark}-{name}"), "it can be found where it is"
        done = await runtime.forget("ann", by="the officer")
        assert (done.subject, done.views, done.left) == ("ann", ("contacts", "contacts_now", "mailings"), ())
        assert places.hold(f"{places.mark}-ann") == []
        assert places.hold(f"{places.mark}-bob")
        assert await runtime.get(contacts, "ann") == await runtime.get(inline_contacts, "ann")
        assert await runtime.get(contacts, "ann") == Contact("ann", GONE, None, GONE, 5)
        assert await runtime.get(contacts, "bob") == Contact(
            "bob",
            f"Name {places.mark}-bob-again",
            f"{places.mark}-bob-again@example.org",
            f"{places.mark}-bob-again Street",
            5,
        )
        assert [row["name"] for row in await runtime.sql("SELECT * FROM mailing WHERE email IS NULL")] == [GONE, GONE]
        await runtime.execute(Pay("ann", 2))
        await runtime.idle()
        assert await runtime.get(totals, "all") == msgspec.convert({"all": "all", "pence": 12}, totals.row)
    assert places.hold(f"{places.mark}-ann") == places.hold(secrets["ann"]) == []
    assert places.hold(secrets["bob"]), "the key would be found"
    async with places.opened() as runtime:
        assert (await runtime.state(people, "person-ann")).name == GONE


@asynchronous(seconds=60)
async def test_what_the_planner_noted_is_gone_too(
    postgres: PostgresServer, new_schema: Callable[[PostgresServer], str]
) -> None:
    def held(mark: bytes) -> bool:
        with psycopg.connect(postgres.url(), autocommit=True) as connection:
            connection.execute("CHECKPOINT")
        return any(_holds(path, mark) for path in (postgres.folder / "base").rglob("*") if path.is_file())

    async with Runtime.open(app, new_schema(postgres), keys=new_schema(postgres)) as runtime:
        for _ in range(3):
            await runtime.execute(register("ann", "NOTED"))
        await runtime.idle()
        with psycopg.connect(postgres.url(), autocommit=True) as connection:
            connection.execute("ANALYZE")
        await runtime.forget("ann")
        assert not held(b"NOTED")


# -- what is said, and what is refused


@asynchronous(seconds=60)
async def test_it_is_recorded_once_and_events_are_refused_from_then_on(places: Places) -> None:
    async with places.opened() as runtime:
        await runtime.execute(register("ann", places.mark))
        first = await runtime.forget("ann", by="one")
        assert await runtime.forget("ann", by="two") == first
        found = [each for each in (await runtime.store.read()).events if each.type == "headwater.subject_forgotten"]
        assert [each.position for each in found] == [first.position]
        assert msgspec.json.decode(found[0].data, type=Forgotten) == Forgotten("ann", first.key, "one")
        assert found[0].metadata.actor == "one"
        with pytest.raises(SubjectForgotten) as refused:
            await runtime.execute(register("ann", "AGAIN"))
        assert refused.value.subject == "ann"
        done = await runtime.execute(Register("ann", GONE, None, GONE))
        assert done.events == (Registered("ann", GONE, None, Address(GONE, "GB")),)
        with pytest.raises(UnknownType, match="nobody"):
            await runtime.forget("nobody")


@asynchronous
async def test_personal_fields_want_keys(tmp_path: Path) -> None:
    with pytest.raises(DeclarationError, match="keys="):
        async with Runtime.open(app):
            raise AssertionError("opened")
    async with Runtime.open(App("none")) as runtime:
        with pytest.raises(DeclarationError, match="keys"):
            await runtime.forget("ann")
        with pytest.raises(DeclarationError, match="keys"):
            runtime.kept_of("ann")
    async with Runtime.open(app, keys="memory:") as runtime:
        await runtime.execute(register("ann"))
        assert await runtime.get(inline_contacts, "ann")


@asynchronous
async def test_other_keys_are_told_from_forgotten_subjects(tmp_path: Path) -> None:
    store = f"sqlite:///{tmp_path}/store.db"
    async with Runtime.open(app, store, keys="memory:", workers=False) as runtime:
        await runtime.execute(register("ann", "MARK"))
    followed = App("people", deciders=[people], views=[contacts])
    async with Runtime.open(followed, store, keys="memory:") as runtime:
        with pytest.raises(WrongKeys, match="no key"):
            await runtime.execute(Pay("ann", 1))
        with pytest.raises(ViewStopped, match="WrongKeys"):
            await runtime.idle()


# -- several processes


@asynchronous(seconds=60)
async def test_who_makes_the_same_subject_s_key_at_once_agrees(places: Places) -> None:
    async with places.opened() as one, places.opened() as two:
        for n in range(10):
            await asyncio.gather(*[each.execute(register(f"p{n}", f"M{n}")) for each in (one, two, one, two)])
        await one.idle()
        await two.idle()
        assert [row.name for row in await one.find(contacts, order_by=["person"])] == [f"Name M{n}" for n in range(10)]


@asynchronous(seconds=60)
async def test_another_process_that_holds_the_key_uses_it_no_more(places: Places) -> None:
    async with places.opened() as one, places.opened() as two:
        for each in (one, two):
            await each.execute(register("ann", places.mark))
            await each.idle()
        await one.forget("ann")
        with pytest.raises(SubjectForgotten):
            await two.execute(register("ann", "AGAIN"))
        await two.execute(Pay("ann", 3))
        await two.idle()
        assert await two.get(contacts, "ann") == Contact("ann", GONE, None, GONE, 3)
        assert places.hold() == []


@asynchronous(seconds=60)
async def test_it_may_go_on_while_the_application_works(places: Places) -> None:
    async with places.opened() as runtime:
        await runtime.execute(register("ann", f"{places.mark}-ann"))
        going = True

        async def busy(worker: int) -> int:
            count = 0
            while going:
                await runtime.execute(register(f"p{worker}", f"BUSY{count}"))
                count += 1
                await asyncio.sleep(0)
            return count

        workers = [asyncio.create_task(busy(n)) for n in range(4)]
        await runtime.forget("ann")
        going = False
        assert all(await asyncio.gather(*workers))
        await runtime.idle()
        assert await runtime.count(contacts) == await runtime.count(inline_contacts) == 5
        assert places.hold(f"{places.mark}-ann") == []


# -- interrupted


@asynchronous(seconds=60)
async def test_what_was_interrupted_is_done_when_it_is_repeated(
    places: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with places.opened() as runtime:
        await runtime.execute(register("ann", places.mark))
        await runtime.idle()

        async def crash(*_: object) -> None:
            raise StoreUnavailable("the machine is gone")

        with monkeypatch.context() as patch:
            patch.setattr(runtime._views, "promote", crash)
            with pytest.raises(StoreUnavailable):
                await runtime.forget("ann")
    async with places.opened(workers=False) as runtime:
        await runtime.forget("ann")
    assert places.hold() == []


@asynchronous(seconds=60)
async def test_a_view_that_fails_does_not_keep_the_others_from_being_built(places: Places) -> None:
    async with places.opened() as runtime:
        await runtime.execute(register("ann", places.mark))
        await runtime.idle()

    def fail(row: Contact, happened: PersonEvent) -> Contact:
        raise ZeroDivisionError("a bug")

    failing = View("contacts", contacts.key, Contact, fail, index=["email"])
    broken = App("people", deciders=[people], views=[failing, inline_contacts, mailings])
    async with places.opened(broken, workers=False) as runtime:
        with pytest.raises(ViewStopped, match=r"contacts.*a bug"):
            await runtime.forget("ann")
        assert (await runtime.sql("SELECT name FROM mailing"))[0]["name"] == GONE
    smaller = App("people", deciders=[people], views=[mailings])
    async with places.opened(smaller, workers=False) as runtime:
        assert (await runtime.forget("ann")).left == tuple(
            f"view {name}, which this application does not declare" for name in ("contacts", "contacts_now", "totals")
        )


# -- beyond views


@asynchronous(seconds=60)
async def test_snapshots_are_dropped(places: Places) -> None:
    kept = Decider("person", people.initial, decide, evolve, people.stream, snapshots=Snapshots(every=1))
    with_snapshots = App("people", deciders=[kept])
    async with places.opened(with_snapshots) as runtime:
        await runtime.execute(register("ann", places.mark))
        await runtime.execute(Pay("ann", 1))
        await runtime.executor.snapshots.written()
        assert await runtime.snapshots.all()
        assert places.hold()
        await runtime.forget("ann")
        assert await runtime.snapshots.all() == []
        assert places.hold() == []
        assert (await runtime.state(kept, "person-ann")).name == GONE


@asynchronous(seconds=60)
async def test_topics_carry_what_is_stored_and_consumers_read_it_while_they_may(places: Places) -> None:
    seen: list[Any] = []
    forgotten: list[Forgotten] = []

    async def read(happened: Registered) -> None:
        seen.append(happened)

    def follow(happened: Forgotten) -> list[object]:
        forgotten.append(happened)
        return []

    topic = Topic("registrations", events=(Registered,), partitions=1)
    relaying = App(
        "people", deciders=[people], topics=[topic], reactions=[Reaction("follow", follow)],
        consumers=[
            Consumer("registrations", "reading", read), Consumer("registrations", "mailing", note, tables=TABLES)
        ],
    )  # fmt: skip
    async with places.opened(relaying, broker="memory:") as runtime:
        for n in range(20):
            await runtime.execute(register(f"p{n}", f"{places.mark}-{n}"))
        await runtime.idle()
        assert sorted(each.name for each in seen) == sorted(f"Name {places.mark}-{n}" for n in range(20))
        records = await runtime.broker.read("registrations", 0, limit=100)
        assert not any(places.mark.encode() in record.value for record in records)
        done = await runtime.forget("p1", by="me")
        assert done.left == ("table noted of consumer mailing",)
        await runtime.broker.publish("registrations", [_again(record) for record in records])
        await until(lambda: len(seen) == 40)
        assert [each.name for each in seen[20:] if each.person == "p1"] == [GONE]
        await until(lambda: forgotten == [Forgotten("p1", done.key, "me")])


TABLES = {"noted": "name TEXT"}


def note(happened: Registered) -> list[tuple[str, tuple[Any, ...]]]:
    return [("INSERT INTO {noted} VALUES (?)", (happened.name,))]


def _again(record: Any) -> Any:
    return NewRecord(record.value, record.key, f"{record.id}-again", record.headers)


# -- asking


@asynchronous(seconds=60)
async def test_a_person_is_told_all_that_is_kept_and_nothing_of_others(places: Places) -> None:
    async with places.opened() as runtime:
        await runtime.execute(register("ann", f"{places.mark}-ann"))
        await runtime.execute(register("bob", f"{places.mark}-bob"))
        await runtime.execute(Pay("ann", 5))
        await runtime.execute(Register("ann", "Ann Anew", None, "Old Street"))
        await runtime.idle()
        mark, found = f"{places.mark}-ann", [each async for each in runtime.kept_of("ann")]
        events = [each for each in found if isinstance(each, HeldEvent)]
        assert [each.places for each in events] == [["name", "email", "address.street"], ["name", "address.street"]]
        assert [each.position for each in events] == [1, 4]
        assert msgspec.json.decode(events[0].data, type=Registered) == Registered(
            "ann", f"Name {mark}", f"{mark}@example.org", Address(f"{mark} Street", "GB")
        )
        rows = [(each.view, each.row["name"]) for each in found if not isinstance(each, HeldEvent)]
        assert rows == [
            ("contacts", "Ann Anew"), ("contacts_now", "Ann Anew"),
            ("mailings", f"Name {mark}"), ("mailings", "Ann Anew"),
        ]  # fmt: skip
        assert "bob" not in str(msgspec.json.encode(found))
        with pytest.raises(UnknownType):
            [each async for each in runtime.kept_of("nobody")]
        await runtime.forget("ann")
        assert [each async for each in runtime.kept_of("ann")] == []
