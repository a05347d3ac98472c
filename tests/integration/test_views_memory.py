"""Catching up takes as much memory for many events as for few."""

from pathlib import Path

from bank_processes import line_of, worker


def test_the_memory_of_a_catch_up_stays_flat(tmp_path: Path) -> None:
    with worker("catch_up", tmp_path / "store.db", 50_000, 300_000) as process:
        early, late = float(line_of(process)), float(line_of(process))
    print(f"{early:.0f} MB after 50,000 events, {late:.0f} MB after 300,000")
    assert late - early < 20
