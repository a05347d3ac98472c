"""Starting the jobs of broker_worker.py, and ending them whatever happens."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from store_processes import Worker, running

WORKER = Path(__file__).with_name("broker_worker.py")


@contextmanager
def worker(job: str, *arguments: object) -> Iterator[Worker]:
    """A process that does one job; it is killed behind the block if it still runs."""
    with running(WORKER, job, *arguments) as process:
        yield process
