"""The `headwater` command. Needs the extra `cli`.

Other packages add subcommands by entry points of the group `headwater.commands`.

Exit codes: 0 done, 1 it could not be done (the reason on stderr), 2 asked for in a way that cannot be understood.
"""

import sys
from importlib.util import find_spec

from headwater.errors import MissingExtra


def main() -> None:
    """Run the command with this process's arguments, and end the process with its exit code."""
    for needed in ("typer", "rich"):
        if find_spec(needed) is None:
            print(f"error: {MissingExtra('cli', 'the headwater command')}", file=sys.stderr)
            sys.exit(1)
    from headwater.cli.program import run  # only now: it imports what may be missing

    sys.exit(run(sys.argv[1:]))
