"""Starting the jobs of bank_worker.py, and ending them whatever happens."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

WORKER = Path(__file__).with_name("bank_worker.py")
Worker = subprocess.Popen[str]


@contextmanager
def worker(job: str, *arguments: object) -> Iterator[Worker]:
    """A process that does one job until it is killed, at the latest behind the block."""
    command = [sys.executable, str(WORKER), job, *map(str, arguments)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def line_of(process: Worker) -> str:
    """What the worker says next. Raises AssertionError when it ends without a word."""
    assert process.stdout
    line = process.stdout.readline()
    assert line, f"the worker ended with {process.wait()}"
    return line.strip()
