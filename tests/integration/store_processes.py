"""Starting the jobs of store_worker.py, and ending them whatever happens."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Timer

WORKER = Path(__file__).with_name("store_worker.py")
Worker = subprocess.Popen[str]
LONGEST = 120.0  # seconds until a worker is killed, so that whoever reads what it says is not left waiting


@contextmanager
def worker(job: str, *arguments: object) -> Iterator[Worker]:
    """A process that does one job; it is killed behind the block if it still runs."""
    with running(WORKER, job, *arguments) as process:
        yield process


@contextmanager
def running(script: Path, job: str, *arguments: object) -> Iterator[Worker]:
    """A process that does one job of a script; it is killed behind the block if it still runs."""
    command = [sys.executable, str(script), job, *map(str, arguments)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        limit = Timer(LONGEST, process.kill)
        limit.start()
        try:
            yield process
        finally:
            limit.cancel()
            process.kill()


def next_line(process: Worker) -> str:
    """What the worker says next. Raises AssertionError when it ends without a word."""
    assert process.stdout
    line = process.stdout.readline()
    assert line, f"the worker ended with {process.wait()}"
    return line.strip()


def tell(process: Worker, line: str) -> None:
    """Give the worker a line to go on."""
    assert process.stdin
    process.stdin.write(line + "\n")
    process.stdin.flush()


def report(process: Worker) -> list[str]:
    """All that the worker says until it ends, which must be well."""
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    return out.splitlines()
