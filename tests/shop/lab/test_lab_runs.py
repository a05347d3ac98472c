"""The laboratory on a toy: every fault is done and undone, and planted bugs are found."""

from dataclasses import replace
from pathlib import Path

import pytest
from toy import TOY, ToyLauncher

from headwater.http import run as run_loop
from headwater_shop.lab import plan, recording
from headwater_shop.lab.plan import QUICK, Session
from headwater_shop.lab.raw import Fault, Happened, Line, Ordered, Stock, Talked, Used
from headwater_shop.lab.results import Result, result
from headwater_shop.lab.runner import Lab, Progress
from headwater_shop.lab.watch import Patience

PACE = replace(QUICK, load=1.6, fault_from=0.3, fault_to=1.3, orders=20.0, browses=20.0, patience=Patience(2.0, 0.2))


def made(folder: Path, bug: str, *faults: Fault) -> dict[str, list[Line]]:
    """The lines of a session on the toy, by fault."""
    sessions = plan.plan([TOY], faults, PACE, repetitions=1, seed=7)
    told: list[Progress] = []
    run_loop(Lab(ToyLauncher(bug), PACE, folder).carry_out(sessions, told.append))
    assert [each.trouble for each in told] == [""] * len(faults)
    return {each.planned.fault: recording.read(each.file) for each in told if each.file}


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Line]]:
    return made(tmp_path_factory.mktemp("lab"), "", *(each for each in plan.FAULTS if each != "F4"))  # here F4 is F1


def figures(runs: dict[str, list[Line]], fault: Fault) -> Result:
    return result(runs[fault])


def test_nothing_is_wrong_without_a_fault(runs: dict[str, list[Line]]) -> None:
    found = figures(runs, "F0")
    assert found.verdict.clean, found.verdict
    assert found.accepted == 100 == found.browsed == found.completed[2]
    assert found.drained is not None
    assert found.drained < 1
    assert found.accept_p50 is not None
    assert 0 < found.accept_p50 < 0.5
    assert found.cpu > 0
    assert found.memory > 0


def test_probes_find_what_runs_out(runs: dict[str, list[Line]]) -> None:
    probes = [line for line in runs["F0"] if isinstance(line, Ordered) and line.probe]
    assert sorted({each.status for each in probes}) == [201, 409]
    assert all(line.reserved == 0 for line in runs["F0"] if isinstance(line, Stock))


def test_a_killed_service_is_away_and_comes_back(runs: dict[str, list[Line]]) -> None:
    found = figures(runs, "F1")
    assert found.accepted_during == 0
    assert found.accepted is not None
    assert 0 < found.accepted < 100
    assert [line.what for line in runs["F1"] if isinstance(line, Happened)][1:] == ["killed", "started"]
    assert found.verdict.lost  # the toy forgets


def test_a_slow_bank_is_slow(runs: dict[str, list[Line]]) -> None:
    calm, slow = figures(runs, "F0"), figures(runs, "F2")
    assert calm.accept_p99 is not None
    assert slow.accept_p99 is not None
    assert slow.accept_p99 > calm.accept_p99 + 1


def test_a_changed_interface_is_deployed(runs: dict[str, list[Line]]) -> None:
    found = figures(runs, "F3")
    assert found.redeployed == ("shop", "shop")
    assert found.accepted_during is not None
    assert found.accepted_during < 100


def test_a_burst_comes(runs: dict[str, list[Line]]) -> None:
    assert figures(runs, "F5").asked > 3 * figures(runs, "F0").asked


def test_what_went_between_is_counted(runs: dict[str, list[Line]]) -> None:
    (talked,) = [line for line in runs["F0"] if isinstance(line, Talked)]
    accepted = [line for line in runs["F0"] if isinstance(line, Ordered) and line.status == 201]
    assert (talked.caller, talked.callee, talked.times) == ("shop", "bank", len(accepted))
    assert talked.bytes > 100 * len(accepted)
    assert {line.service for line in runs["F0"] if isinstance(line, Used)} == {"shop", "bank"}


def test_planted_bugs_are_found(tmp_path: Path) -> None:
    verdict = result(made(tmp_path, "lose double oversell", "F0")["F0"]).verdict
    assert verdict.lost
    assert all(id.endswith("3") for id in verdict.lost)
    assert verdict.doubled
    assert all(id.endswith("4") for id in verdict.doubled)
    assert len(verdict.oversold) == 1


def test_a_shop_that_does_not_start_is_told_of(tmp_path: Path) -> None:
    class Broken(ToyLauncher):
        def __call__(self, *_: object, **__: object) -> object:  # type: ignore[override]
            raise RuntimeError("no shop today")

    told: list[Progress] = []
    sessions = [Session(TOY, plan.plan([TOY], ["F0"], PACE, repetitions=1, seed=1)[0].runs)]
    run_loop(Lab(Broken(), PACE, tmp_path).carry_out(sessions, told.append))
    assert [each.trouble for each in told] == ["RuntimeError: no shop today"]
