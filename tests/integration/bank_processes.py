"""Starting the jobs of bank_worker.py, and ending them whatever happens."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from store_processes import Worker, next_line, running

WORKER = Path(__file__).with_name("bank_worker.py")

line_of = next_line


@contextmanager
def worker(job: str, *arguments: object) -> Iterator[Worker]:
    """A process that does one job until it is killed, at the latest behind the block."""
    with running(WORKER, job, *arguments) as process:
        yield process
