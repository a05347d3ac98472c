"""`python -m benchmarks [NAME …] [--store KIND] [--json] [--quick] [--dir DIR]`, from the root of the repository."""

import argparse
import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

from benchmarks.environments import ROOT, on_real_disk, say
from benchmarks.report import as_json, as_table, rows
from benchmarks.runner import Run
from benchmarks.suite import SUITE
from benchmarks.suite_flow import FLOW_SUITE
from benchmarks.suite_nats import NATS_SUITE
from benchmarks.suite_personal import PERSONAL_SUITE
from benchmarks.suite_postgres import POSTGRES_SUITE
from benchmarks.suite_schema import PG_SCHEMA_SUITE, SCHEMA_SUITE
from benchmarks.suite_snapshots import SNAPSHOT_SUITE
from benchmarks.suite_streaming import STREAMING_SUITE
from benchmarks.suite_upcasting import UPCASTING_SUITE
from headwater.testing.postgres import PostgresServer, postgres_server

SUITES = {
    "sqlite": (
        *SUITE,
        *SNAPSHOT_SUITE,
        *UPCASTING_SUITE,
        *SCHEMA_SUITE,
        *PERSONAL_SUITE,
        *STREAMING_SUITE,
        *FLOW_SUITE,
    ),
    "postgresql": (*POSTGRES_SUITE, *PG_SCHEMA_SUITE),
    "nats": NATS_SUITE,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the named benches, or all; 1 if a contender failed, 2 for a name or a folder that won't do."""
    options = parse(arguments)
    work: Path = options.dir.resolve()
    work.mkdir(parents=True, exist_ok=True)
    if not on_real_disk(work):
        say(f"{work} is in memory, where an fsync costs nothing: choose a folder on a disk with --dir")
        return 2
    with server_for(options.store) as server:
        wanted = [bench for bench in SUITES[options.store] if not options.names or bench.name in options.names]
        runs = [Run(bench, options.quick, server) for bench in wanted]
        for run in runs:
            say(f"-- {run.bench.name}: {run.bench.about}")
            run.play(work)
    found = [row for run in runs for row in rows(run.bench, run.lines)]
    print(as_json(found) if options.json else as_table(found), flush=True)
    for problem in (problem for run in runs for problem in run.problems):
        say(problem)
    return int(any(run.failed for run in runs))


def server_for(store: str) -> AbstractContextManager[PostgresServer | None]:
    """A server as it comes, with room for what is written between two checkpoints."""
    if store != "postgresql":
        return nullcontext()
    return postgres_server(settings={"max_wal_size": "4GB", "checkpoint_timeout": "30min"})


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    names = [bench.name for suite in SUITES.values() for bench in suite]
    parser = argparse.ArgumentParser(prog="headwater bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(names)}; all by default")
    parser.add_argument("--json", action="store_true", help="print a list of objects instead of a table")
    parser.add_argument("--quick", action="store_true", help="short rounds, to see that it works; no figures to quote")
    parser.add_argument("--dir", type=Path, default=ROOT / "var" / "bench", help="where to write: on a real disk")
    parser.add_argument("--store", choices=list(SUITES), default="sqlite", help="what is measured; sqlite by default")
    options = parser.parse_args(arguments)
    names = [bench.name for bench in SUITES[options.store]]
    unknown = sorted(set(options.names) - set(names))
    if unknown:
        parser.error(f"no bench named {', '.join(unknown)}; there are {', '.join(names)}")
    return options


if __name__ == "__main__":
    sys.exit(main())
