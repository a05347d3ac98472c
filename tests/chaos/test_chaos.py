"""Producers, relays, consumers and the broker are killed and stopped at random. What was acknowledged is there, every
effect counts once, and each key keeps its order: judged by SQL over the ledgers and the producers' own logs.

    ./headwater test tests/chaos --chaos-seconds 300 --chaos-broker cluster -s
"""

import random
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from chaos_app import LEDGER

from chaos import Broker, Play, judge, playing
from headwater.testing.nats import nats_cluster, nats_server
from headwater.testing.running import run


@contextmanager
def broker_of(kind: str, folder: Path) -> Iterator[Broker]:
    """The broker that is asked for, and how it is broken and mended."""
    if kind == "sqlite":
        yield Broker(f"sqlite:///{folder}/topics.db", 1, None, None)
    elif kind == "nats":
        with nats_server() as server:
            yield Broker(server.url(), 1, server.kill, server.restart)
    else:
        with nats_cluster(3) as cluster:
            dice = random.Random()

            def break_one() -> None:
                dice.choice([node for node in cluster.servers if node.runs]).kill()

            def mend() -> None:
                for node in cluster.servers:
                    if not node.runs:
                        node.restart()

            yield Broker(cluster.url(), 3, break_one, mend)


def test_nothing_is_lost_doubled_or_reordered(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    option = request.config.getoption
    seconds, kind, given = option("--chaos-seconds"), option("--chaos-broker"), option("--chaos-seed")
    seed = time.time_ns() % 1_000_000 if given is None else given
    print(f"chaos: --chaos-seed {seed} --chaos-broker {kind} --chaos-seconds {seconds:g}", flush=True)
    with broker_of(kind, tmp_path) as broker, playing(tmp_path, broker, seed) as play:

        async def main() -> None:
            await play.run(seconds)
            await play.settle()

        run(main(), seconds=2 * seconds + 150)
    counts = judge(play)
    print(f"chaos: {counts}, {play.faults}")
    assert counts["acknowledged"] > seconds, counts  # on a busy machine processes start slowly
    assert sum(play.faults.values()) > seconds / 4, play.faults


@pytest.mark.parametrize(
    ("noted", "complaint"),
    [
        ([0, 1], ""),
        ([0, 1, 2], ""),  # what was tried may be there
        ([0, 2], "lost"),
        ([0, 1, 1], "lost, doubled"),
        ([1, 0], "out of order"),
        ([0], "was acknowledged"),
        ([0, 1, 2, 3], "was the last that was tried"),
    ],
)
def test_the_judge_notices(tmp_path: Path, noted: list[int], complaint: str) -> None:
    play = Play(tmp_path, Broker("memory:", 1, None, None), seed=0, logs={"sender": tmp_path / "sender.log"})
    play.logs["sender"].write_text("try k 0\nack k 0\ntry k 1\nack k 1\ntry k 2\n")
    with closing(sqlite3.connect(tmp_path / "store.db")) as file, file:
        file.execute(f"CREATE TABLE recorded_ledger ({LEDGER})")
        file.execute(f"CREATE TABLE sent_ledger ({LEDGER})")
        file.executemany("INSERT INTO sent_ledger (k, n) VALUES ('k', ?)", [(n,) for n in noted])
    if complaint:
        with pytest.raises(AssertionError, match=complaint):
            judge(play)
    else:
        assert judge(play) == {"acknowledged": 2, "noted": len(noted)}
