"""append-*: the UmaDB server of the `umadb` wheel over its Python client. Modes: 1, 64 (threads), batch.

It fsyncs before it acknowledges, always, and shares the fsync between requests that wait. Appends carry no condition
(it has no stream versions) and all threads share one client: its fastest way (a client a thread is 40 % slower).
"""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from umadb import Client, Event

from benchmarks.contender import options, per_second, play, threads_per_second
from benchmarks.workload import BATCH, EVENT_TYPE, place, samples

OPTIONS = options()
EVENTS = [event.encode() for event in samples()]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def server(directory: Path) -> Iterator[str]:
    """A running server's address; it ends with the block."""
    address = f"127.0.0.1:{free_port()}"
    command = [f"{Path(sys.executable).parent}/umadb", "--listen", address, "--db-path", f"{directory}/uma.db"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        try:
            wait_until_open(address, process)
            yield f"http://{address}"
        finally:
            process.kill()


def wait_until_open(address: str, process: "subprocess.Popen[bytes]") -> None:
    host, port = address.split(":")
    deadline = time.monotonic() + 10
    while True:
        try:
            socket.create_connection((host, int(port)), timeout=1).close()
        except OSError:
            if process.poll() is not None or time.monotonic() > deadline:
                raise
            os.sched_yield()
        else:
            return


def single(worker: int, k: int) -> list[Event]:
    return [Event(event_type=EVENT_TYPE, tags=[place(worker, k)[0]], data=EVENTS[k % len(EVENTS)])]


def measure(url: str) -> float:
    client = Client(url)
    if OPTIONS.mode == "batch":
        blocks = [Event(event_type=EVENT_TYPE, tags=["batch"], data=data) for data in EVENTS[:BATCH]]
        return per_second(lambda _: client.append(blocks), OPTIONS.seconds) * BATCH
    if OPTIONS.mode == "1":
        return per_second(lambda k: client.append(single(0, k)), OPTIONS.seconds)
    return threads_per_second(lambda w, k: client.append(single(w, k)), int(OPTIONS.mode), OPTIONS.seconds)


def run(directory: Path) -> float:
    with server(directory) as url:
        return measure(url)


if __name__ == "__main__":
    play(run)
