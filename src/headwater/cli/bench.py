"""`headwater bench`: the benchmarks of a checkout."""

import runpy
import sys
from pathlib import Path

import typer

from headwater.cli.output import complain

PASS_ON = {"ignore_unknown_options": True, "allow_extra_args": True, "help_option_names": []}


def bench(context: typer.Context) -> None:
    """Measure Headwater against its peers: [NAME …] [--json] [--quick]. Needs a checkout."""
    root = Path(__file__).parents[3]
    if not (root / "benchmarks" / "__main__.py").exists():
        complain("the benchmarks are not part of the installed package; run ./headwater bench in a checkout")
        raise typer.Exit(1)
    sys.path.insert(0, str(root))
    sys.argv = ["headwater bench", *context.args]
    runpy.run_module("benchmarks", run_name="__main__")
