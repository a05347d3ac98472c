"""The report: its numbers are those of the raw data, reckoned here once more, and a browser shows it."""

import json
import re
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

import pytest

from headwater_shop.lab import recording
from headwater_shop.lab.hypotheses import HYPOTHESES, Findings
from headwater_shop.lab.raw import Charged, Happened, Line, Ordered, Run, Settled, Talked
from headwater_shop.lab.report import lost, write
from headwater_shop.lab.report.couplings import couplings
from headwater_shop.lab.results import result
from lab_raw import ARCHITECTURES, some_runs


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A laboratory's folder, with its report."""
    made = tmp_path_factory.mktemp("lab")
    for id, lines in some_runs():
        recording.write(made, id, lines)
    write(made)
    return made


def embedded(folder: Path) -> list[dict[str, object]]:
    text = (folder / "report.html").read_text()
    found = re.search(r'<script type="application/json" id="figures">(.*?)</script>', text, re.S)
    assert found
    figures: list[dict[str, object]] = json.loads(found[1])
    return figures


def test_its_figures_are_those_of_the_raw_data(folder: Path) -> None:
    told = {str(each["run"]): each for each in embedded(folder)}
    assert len(told) == len(list(folder.glob("*.jsonl"))) == len(ARCHITECTURES) * 6 + 1
    for file in folder.glob("*.jsonl"):
        raw = [json.loads(line) for line in file.read_text().splitlines()]
        by = {kind: [each for each in raw if each["type"] == kind] for kind in ("Run", "Ordered", "Settled", "Charged")}
        [run] = by["Run"]
        orders = [each for each in by["Ordered"] if not each.get("probe")]
        ends = {each["order_id"]: each for each in by["Settled"]}
        good = [each for each in orders if each["status"] in (201, 202)]
        dispatched = [each for each in orders if ends.get(each["order_id"], {}).get("order") == "dispatched"]
        figures = told[run["id"]]
        assert figures["asked"] == len(orders)
        assert figures["accepted"] == pytest.approx(100 * len(good) / len(orders))
        assert figures["completed_at_last"] == pytest.approx(100 * len(dispatched) / len(orders))
        slowest = sorted(each["seconds"] for each in good)
        assert figures["accept_p99"] == (slowest[-(-99 * len(slowest) // 100) - 1] if slowest else None)
        lost = [each for each in good if ends.get(each["order_id"], {"at": None})["at"] is None]
        assert figures["lost"] == len(lost)
        taken: dict[str, Decimal] = {}
        for each in by["Charged"]:
            taken[each["order_id"]] = taken.get(each["order_id"], Decimal(0)) + Decimal(each["amount"])
        worth = {each["order_id"]: Decimal(each["amount"]) for each in orders}
        assert figures["doubled"] == sum(amount > worth[id] for id, amount in taken.items() if id in worth)


def test_planted_faults_are_told(folder: Path) -> None:
    page = (folder / "report.html").read_text()
    assert "1 lost" in page
    assert "1 doubled" in page
    assert page.count("refused, then mended") == 1
    for each in HYPOTHESES:
        assert each.id in page


def test_hypotheses_hold_or_not_by_what_was_measured(folder: Path) -> None:
    results = [result(lines) for lines in recording.read_all(folder)]
    outcomes = {each.id: each.judge(Findings(results)).outcome for each in HYPOTHESES}
    assert outcomes["H1"] == "held"
    assert outcomes["H13"] == "refuted", "one was lost"
    alone = Findings([each for each in results if each.run.architecture == "soa"])
    assert {each.judge(alone).outcome for each in HYPOTHESES} == {"not measured"}


def test_what_was_lost_is_told_with_the_front_killed(folder: Path) -> None:
    results = [result(lines) for lines in recording.read_all(folder)]
    killed = lost.front_killed(results)
    assert killed is not None
    assert killed.values == {"event_driven/gated": 0.0, "traditional": 0.0}
    page = (folder / "report.html").read_text()
    assert "With its front killed instead" in page
    assert "<caption>Each variation of F1</caption>" in page
    without = [each for each in results if each.run.variation != "ui"]
    assert lost.front_killed(without) is None


def test_where_event_driven_lost_is_reckoned(folder: Path) -> None:
    """Time to completion once more, by hand: it was made to lose there; and it is not said to lose where it did not."""
    results = [result(lines) for lines in recording.read_all(folder)]
    found = {(each.measure.fault, each.measure.what): each for each in lost.compared(results)}
    took = found["F0", "from order to dispatched, p50"]
    medians = {}
    for lines in recording.read_all(folder):
        run = next(line for line in lines if isinstance(line, Run))
        if run.fault == "F0":
            ends = {line.order_id: line.at for line in lines if isinstance(line, Settled)}
            orders = [line for line in lines if isinstance(line, Ordered)]
            all_ = sorted(at - each.intended for each in orders if (at := ends[each.order_id]) is not None)
            medians[run.architecture] = all_[-(-len(all_) // 2) - 1]
    assert took.values == pytest.approx(medians)
    assert took.lost
    assert not found["F1", "accepted meanwhile"].lost
    assert found["F0", "processes to run"].values["traditional"] == 1


def test_a_fault_that_could_not_be_done_is_told(tmp_path: Path) -> None:
    id, lines = next(some_runs())
    recording.write(tmp_path, id, [*lines, Happened(1.0, "the laboratory failed: <no> disk")])
    page = write(tmp_path).read_text()
    assert f"{id}: the laboratory failed: &lt;no&gt; disk" in page
    recording.write(tmp_path, id, lines)
    assert "the laboratory failed" not in write(tmp_path).read_text()


def test_nothing_is_reported_of_nothing(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no raw data"):
        write(tmp_path)


def test_arrows_go_round_in_circles_without_end() -> None:
    talked = [Talked("a", "b", "http", 3, 1), Talked("b", "c", "http", 2, 1), Talked("c", "a", "http", 1, 1)]
    drawn = couplings(talked)
    assert drawn.count('<rect class="box') == 3
    assert couplings([]) == ""


def lines_of(kind: type, lines: Sequence[Line]) -> list[Line]:
    return [each for each in lines if isinstance(each, kind)]


def test_the_runs_are_as_they_should_be() -> None:
    """The generator itself: every run has its kinds of lines."""
    for _id, lines in some_runs():
        for kind in (Run, Ordered, Settled, Charged, Talked):
            assert lines_of(kind, lines), kind
