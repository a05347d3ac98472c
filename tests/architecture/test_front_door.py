"""The public names of `headwater`: adding one is easy, taking one away breaks somebody. Change this list on purpose."""

import inspect
import subprocess
import sys

import headwater

PUBLIC = [
    "App",
    "Behind",
    "Consumer",
    "Decider",
    "Envelope",
    "Executed",
    "Forgotten",
    "HeadwaterError",
    "ManualClock",
    "Metadata",
    "NewEvent",
    "NewRecord",
    "Personal",
    "Query",
    "QueryItem",
    "Reaction",
    "Record",
    "Rejected",
    "Runtime",
    "Schedule",
    "Snapshots",
    "SqlView",
    "Subject",
    "Topic",
    "Unknown",
    "Unschedule",
    "View",
    "Write",
    "command",
    "consumer",
    "event",
    "open_broker",
    "open_store",
    "query",
]

EXTRAS = ("typer", "rich", "starlette", "uvicorn", "jinja2")


def test_the_front_door_has_these_names() -> None:
    assert sorted(headwater.__all__) == sorted(PUBLIC)


def test_every_public_name_says_what_it_is() -> None:
    found = {name: getattr(headwater, name) for name in PUBLIC}
    things = {name: thing for name, thing in found.items() if inspect.isclass(thing) or inspect.isfunction(thing)}
    assert [name for name, thing in things.items() if not (thing.__doc__ or "").strip()] == []


def test_the_front_door_needs_no_extra() -> None:
    """A program without the command line or HTTP carries neither."""
    code = f"import sys, headwater; print([name for name in {EXTRAS} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
