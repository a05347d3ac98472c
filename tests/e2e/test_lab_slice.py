"""A slice of the real laboratory by its command: real shops, load and faults, and a judge who finds nothing wrong with
the event-driven one."""

import json
from pathlib import Path

from real_shop import headwater

from headwater_shop.lab import recording
from headwater_shop.lab.ledger import judge
from headwater_shop.lab.raw import Run, Talked


def test_a_killed_service_and_a_refused_change(tmp_path: Path) -> None:
    out = tmp_path / "results"
    only = ["--only", "event_driven/gated", "--only", "point_to_point/naive"]
    said = headwater("shop", "lab", "--quick", *only, "--faults", "F1,F3", "--out", str(out), "--json", seconds=240)
    told = {(each["run"]["architecture"], each["run"]["fault"]): each for each in json.loads(said)}
    assert len(told) == 4
    runs = {(lines[0].architecture, lines[0].fault): lines for lines in recording.read_all(out)}  # type: ignore[union-attr]
    for (architecture, fault), lines in runs.items():
        assert isinstance(lines[0], Run)
        verdict = judge(lines)
        if architecture == "event_driven/gated":
            wrong = (*verdict.lost, *verdict.doubled, *verdict.oversold, *verdict.contradicted)
            assert not wrong, (fault, verdict)
            assert told[architecture, fault]["accepted"] >= 99
        else:
            assert told[architecture, fault]["accepted_during"] < 50
        assert any(isinstance(line, Talked) for line in lines)
    assert told["event_driven/gated", "F3"]["refused"]
    assert not told["point_to_point/naive", "F3"]["refused"]
    assert "refused, then mended" in (out / "report.html").read_text()
