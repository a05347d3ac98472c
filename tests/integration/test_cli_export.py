"""`headwater store export` and `import`: a store in a file and back, without loss, however often it is interrupted."""

import asyncio
import io
import json
from pathlib import Path

import apsw
import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headwater.app import open_store
from headwater.cli import importing, program
from headwater.cli.exporting import to_line
from headwater.cli.importing import import_events
from headwater.cloudevents import from_json, is_json
from headwater.errors import Conflict, MalformedData
from headwater.messages import Envelope, Metadata, NewEvent, Write
from headwater.store.memory import MemoryStore

SOURCE, TARGET = "sqlite:///source.db", "sqlite:///target.db"
NAMES = st.sampled_from(["a", "b", "order-ä1", "c"])
WORDS = st.text('ab"\\/ü€😀{', min_size=1, max_size=8)


@st.composite
def new_events(draw: st.DrawFn) -> NewEvent:
    value = draw(st.one_of(st.none(), st.integers(-5, 5), WORDS, st.just("two\nlines"), st.dictionaries(WORDS, WORDS)))
    data = json.dumps({"value": value}, indent=draw(st.sampled_from([None, 2])), ensure_ascii=draw(st.booleans()))
    about = Metadata(*draw(st.lists(st.one_of(st.just(""), WORDS), min_size=4, max_size=4)))
    tags = tuple(draw(st.lists(WORDS, max_size=2, unique=True)))
    return NewEvent(draw(st.sampled_from(["x.done", "y.done"])), data.encode(), draw(st.integers(1, 3)), tags, about)


HISTORIES = st.lists(st.tuples(NAMES, st.lists(new_events(), min_size=1, max_size=3)), min_size=1, max_size=12)


async def _filled(history: list[tuple[str, list[NewEvent]]]) -> MemoryStore:
    store = MemoryStore()
    for stream, events in history:
        await store.append(Write(stream, events))
    return store


async def _all(store: MemoryStore) -> list[Envelope]:
    return list((await store.read(limit=10_000)).events)


def _normal(events: list[Envelope]) -> list[Envelope]:
    """With data as JSON means it."""
    return [msgspec.structs.replace(each, data=msgspec.json.format(each.data, indent=-1)) for each in events]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=50)
@given(HISTORIES, st.integers(1, 4), st.data())
def test_there_and_back_whatever_the_history(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    history: list[tuple[str, list[NewEvent]]],
    size: int,
    data: st.DataObject,
) -> None:
    """A file, cut anywhere at first, then whole, then once more: the store equals the one that was exported."""
    monkeypatch.setattr(importing, "CHUNK", size)

    async def law() -> None:
        events = await _all(await _filled(history))
        lines = [to_line(event) + b"\n" for event in events]
        assert all(line.count(b"\n") == 1 for line in lines)
        target, file = MemoryStore(), tmp_path / "events.ndjson"
        cut = data.draw(st.integers(0, len(lines)))
        for part in (lines[:cut], lines, lines):
            file.write_bytes(b"".join(part))
            done = await import_events(target, file)
            assert (done.events, done.written + done.present) == (len(part), len(part))
            assert done.positions_kept
        assert done.written == 0
        assert _normal(await _all(target)) == _normal(events)

    asyncio.run(law())


def _envelope(**changes: object) -> Envelope:
    made = Envelope(
        7, "s-1", 2, "id-1", "x.done", 1, b'{"a":1}', 1_700_000_000_123_456, ("t",), Metadata("c", actor="b")
    )
    return msgspec.structs.replace(made, **changes)


def test_a_line_holds_everything_to_the_microsecond() -> None:
    assert from_json(to_line(_envelope()), "it") == _envelope()


@pytest.mark.parametrize("data", [b"{", b"", b"\xff", b"{} {}"])
def test_data_that_is_not_json_survives(data: bytes) -> None:
    assert not is_json(data)
    assert from_json(to_line(_envelope(data=data)), "it").data == data


def _lines(*places: tuple[int, str, int]) -> bytes:
    """Lines of events at (position, stream, version)."""
    events = [_envelope(position=p, stream=s, stream_version=v, id=f"{s}@{v}") for p, s, v in places]
    return b"".join(to_line(event) + b"\n" for event in events)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (_lines((1, "a", 1)) + b"nonsense\n", "event in line 2: JSON is malformed"),
        (_lines((1, "a", 1)) + b'{"id":"1"}\n', "line 2: Object missing required field"),
        (_lines((1, "a", 1))[:-20], "line 1: Input data was truncated"),
        (_lines((1, "a", 1), (1, "b", 1)), "line 2: position 1 comes after 1"),
        (_lines((1, "a", 1), (2, "a", 3)), "line 2: version 3 of stream 'a' comes after 1"),
        (_lines((1, "a", 0)), "line 1: versions count from 1"),
        (_lines((1, "a", 1)).replace(b'"position":"1"', b'"position":"one"'), "line 1: invalid literal"),
    ],
)
def test_a_file_that_is_not_sound_changes_nothing(tmp_path: Path, text: bytes, why: str) -> None:
    file = tmp_path / "events.ndjson"
    file.write_bytes(text)

    async def refused() -> None:
        store = MemoryStore()
        with pytest.raises(MalformedData, match=why):
            await import_events(store, file)
        assert await store.head() == 0

    asyncio.run(refused())


def test_another_history_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "events.ndjson"
    file.write_bytes(_lines((1, "a", 1)))

    async def refused() -> None:
        store = MemoryStore()
        await store.append(Write("a", [NewEvent("x.done", b"{}", id="mine")]))
        with pytest.raises(Conflict, match="two histories"):
            await import_events(store, file)

    asyncio.run(refused())


def test_events_join_those_of_other_streams(tmp_path: Path) -> None:
    file = tmp_path / "events.ndjson"
    file.write_bytes(_lines((1, "a", 1), (2, "a", 2)))

    async def joined() -> None:
        store = MemoryStore()
        await store.append(Write("other", [NewEvent("x.done", b"{}")]))
        done = await import_events(store, file)
        assert (done.written, done.positions_kept) == (2, False)
        assert [event.stream for event in await _all(store)] == ["other", "a", "a"]

    asyncio.run(joined())


def test_a_later_part_needs_what_comes_before_it(tmp_path: Path) -> None:
    file = tmp_path / "events.ndjson"
    file.write_bytes(_lines((5, "a", 3)))

    async def refused() -> None:
        with pytest.raises(Conflict, match="stream 'a' is at version 0, expected 2"):
            await import_events(MemoryStore(), file)

    asyncio.run(refused())


# -- the command


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)

    async def fill() -> None:
        async with await open_store(SOURCE) as store:
            for number in range(5):
                await store.append(Write(f"s-{number % 2}", [NewEvent("x.done", b'{"n":%d}' % number, tags=("t",))]))

    asyncio.run(fill())
    return tmp_path


def _stored(url: str) -> list[Envelope]:
    async def read() -> list[Envelope]:
        async with await open_store(url, create=False) as store:
            return list((await store.read()).events)

    return asyncio.run(read())


def test_a_store_moves(source: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert program.run(["store", "export", "all.ndjson", "--store", SOURCE, "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"file": "all.ndjson", "events": 5, "position": 5, "left_out": 0}
    expected = {"events": 5, "written": 5, "present_before": 0, "positions_kept": True}
    for present in (0, 5):
        assert program.run(["store", "import", "all.ndjson", "--store", TARGET, "--json"]) == 0
        found = json.loads(capsys.readouterr().out)
        assert found == {**expected, "written": 5 - present, "present_before": present}
    assert _normal(_stored(TARGET)) == _normal(_stored(SOURCE))
    assert sorted(path.name for path in source.glob("*.ndjson*")) == ["all.ndjson"]


def test_a_store_moves_through_a_pipe(
    source: Path, capfdbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert program.run(["store", "export", "--store", SOURCE]) == 0
    out, err = capfdbinary.readouterr()
    assert out.count(b"\n") == 5
    assert b"5 events" in err
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(out)))
    assert program.run(["store", "import", "-", "--store", TARGET]) == 0
    assert _normal(_stored(TARGET)) == _normal(_stored(SOURCE))


def test_only_what_is_new(source: Path) -> None:
    assert program.run(["store", "export", "new.ndjson", "--store", SOURCE, "--after", "3"]) == 0
    assert [json.loads(line)["position"] for line in (source / "new.ndjson").read_text().splitlines()] == ["4", "5"]


def test_a_file_is_not_overwritten_by_mistake(source: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (source / "kept.ndjson").write_text("kept")
    assert program.run(["store", "export", "kept.ndjson", "--store", SOURCE]) == 2
    assert "--overwrite" in capsys.readouterr().err
    assert (source / "kept.ndjson").read_text() == "kept"
    assert program.run(["store", "export", "kept.ndjson", "--store", SOURCE, "--overwrite"]) == 0
    assert (source / "kept.ndjson").read_text().count("\n") == 5


def test_what_is_left_of_a_damaged_store(source: Path, capsys: pytest.CaptureFixture[str]) -> None:
    connection = apsw.Connection("source.db")
    connection.execute("UPDATE event SET meta = '{' WHERE position = 2")
    connection.close()
    assert program.run(["store", "export", "all.ndjson", "--store", SOURCE]) == 1
    assert not (source / "all.ndjson").exists()
    assert program.run(["store", "export", "all.ndjson", "--store", SOURCE, "--salvage"]) == 0
    assert "left out position 2" in capsys.readouterr().err
    assert [json.loads(line)["position"] for line in (source / "all.ndjson").read_text().splitlines()] == list("1345")


def test_a_file_that_cannot_be_written_is_said(source: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert program.run(["store", "export", "absent/all.ndjson", "--store", SOURCE]) == 1
    assert "error: " in capsys.readouterr().err
    assert program.run(["store", "import", "absent.ndjson", "--store", TARGET]) == 2
