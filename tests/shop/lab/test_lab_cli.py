"""`headwater shop lab` as people run it: a real architecture, a report, and Ctrl-C in the middle."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil

from headwater_shop.lab import recording
from headwater_shop.lab.results import result

COMMAND = [sys.executable, "-c", "import sys; from headwater.cli import main; sys.exit(main())", "shop", "lab"]
WITHIN = 90.0
ENDS_WITHIN = 15.0


def run(*arguments: str) -> "subprocess.Popen[str]":
    return subprocess.Popen([*COMMAND, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_it_measures_until_ctrl_c_and_keeps_what_was_measured(tmp_path: Path) -> None:
    out = tmp_path / "results"
    process = run("--quick", "--only", "traditional", "--faults", "F0,F5", "--out", str(out))
    services = wait_for_a_run(process, out)
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    table, notes = process.communicate(timeout=WITHIN)
    assert time.monotonic() - began < ENDS_WITHIN
    assert process.returncode == 0, notes
    assert "what was measured is kept" in notes
    assert "traditional" in table
    runs = recording.read_all(out)
    assert len(runs) == 1
    assert result(runs[0]).verdict.clean
    assert "traditional" in (out / "report.html").read_text()
    assert services
    assert not any(each.is_running() for each in services)


def wait_for_a_run(process: "subprocess.Popen[str]", out: Path) -> list[psutil.Process]:
    """The services that are at work when the first run is there."""
    give_up = time.monotonic() + WITHIN
    while not list(out.glob("*.jsonl")):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < give_up
        time.sleep(0.05)
    return psutil.Process(process.pid).children(recursive=True)


def test_what_is_not_there_is_said(tmp_path: Path) -> None:
    for arguments, said in (
        (["--only", "monolith"], "there is no architecture 'monolith'"),
        (["--faults", "F9"], "there is no fault 'F9'"),
    ):
        process = run("--quick", "--out", str(tmp_path / "x"), *arguments)
        _, notes = process.communicate(timeout=WITHIN)
        assert process.returncode in (1, 2)
        assert said in notes


def test_results_are_not_put_upon_others(tmp_path: Path) -> None:
    (tmp_path / "old.jsonl").write_text("")
    process = run("--quick", "--out", str(tmp_path))
    _, notes = process.communicate(timeout=WITHIN)
    assert process.returncode in (1, 2)
    assert "there are raw data" in notes
    assert os.listdir(tmp_path) == ["old.jsonl"]
