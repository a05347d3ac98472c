"""`python -m benchmarks [NAME …] [--json] [--quick] [--dir DIR]`, from the root of the repository."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.environments import ROOT, on_real_disk, say
from benchmarks.report import as_json, as_table, rows
from benchmarks.runner import Run
from benchmarks.suite import SUITE


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the named benches, or all; 1 if a contender failed, 2 for a name or a folder that won't do."""
    options = parse(arguments)
    work: Path = options.dir.resolve()
    work.mkdir(parents=True, exist_ok=True)
    if not on_real_disk(work):
        say(f"{work} is in memory, where an fsync costs nothing: choose a folder on a disk with --dir")
        return 2
    runs = [Run(bench, options.quick) for bench in SUITE if not options.names or bench.name in options.names]
    for run in runs:
        say(f"-- {run.bench.name}: {run.bench.about}")
        run.play(work)
    found = [row for run in runs for row in rows(run.bench, run.lines)]
    print(as_json(found) if options.json else as_table(found), flush=True)
    for problem in (problem for run in runs for problem in run.problems):
        say(problem)
    return int(any(run.failed for run in runs))


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    names = [bench.name for bench in SUITE]
    parser = argparse.ArgumentParser(prog="headwater bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(names)}; all by default")
    parser.add_argument("--json", action="store_true", help="print a list of objects instead of a table")
    parser.add_argument("--quick", action="store_true", help="short rounds, to see that it works; no figures to quote")
    parser.add_argument("--dir", type=Path, default=ROOT / "var" / "bench", help="where to write: on a real disk")
    options = parser.parse_args(arguments)
    unknown = sorted(set(options.names) - set(names))
    if unknown:
        parser.error(f"no bench named {', '.join(unknown)}; there are {', '.join(names)}")
    return options


if __name__ == "__main__":
    sys.exit(main())
