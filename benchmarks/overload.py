"""`python -m benchmarks.overload [--seconds 60] [--png FILE]`: producers offer ten times what a consumer takes.

One process runs a consumer that waits 10 ms for each record, ten keys at a time, on a topic in a SQLite file with a
declared backlog; its full rate is measured first. Then producers offer ten times that rate for a while, and stop.
Memory, backlog and rates are sampled ten times a second, and drawn. It holds when

- every record that was accepted had its effect once, as SQL over the consumer's table tells;
- the process's memory stayed within 20 MB while the producers ran, after the first two seconds;
- the backlog was then worked off at nine tenths of the full rate or more.

The exit status is 1 when it does not hold.
"""

import argparse
import asyncio
import gc
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.environments import ROOT, peers_python, say
from headwater import App, Runtime, Topic, consumer, event
from headwater.delivery.mapping import event_record
from headwater.errors import Overloaded
from headwater.fold import Statement
from headwater.messages import NewRecord

WAIT, AT_ONCE = 0.010, 10
BACKLOG = 20_000
TIMES = 10
TICK = 0.05
SAMPLE = 0.1
WARM = 2.0  # seconds at the start of the burst, in which caches and buffers fill
MEMORY_BAND = 20.0  # MB
DRAIN_SHARE = 0.9
COUNT = """
    INSERT INTO {counts} (name, n) VALUES (?, 1) ON CONFLICT (name) DO UPDATE SET n = {counts}.n + 1
"""


@event("flood.drop")
class Drop:
    n: int
    padding: str


@consumer(
    "flood", "slow", concurrency=AT_ONCE, max_open=500, tables={"counts": "name TEXT PRIMARY KEY, n INTEGER NOT NULL"}
)
async def slow(happened: Drop) -> list[Statement]:
    await asyncio.sleep(WAIT)
    return [(COUNT, (f"shard {happened.n % 16}",))]


APP = App("flood", topics=[Topic("flood", partitions=4, backlog=BACKLOG)], consumers=[slow])


class Flood:
    """One run: what is counted, and the samples."""

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime
        self.offered = self.accepted = self.refused = 0
        self.samples: list[dict[str, float]] = []
        self.start = time.perf_counter()

    async def offer(self, count: int) -> None:
        """Offer so many records at once; they are all accepted, or all refused."""
        self.offered += count
        first = self.offered
        events, now = self.runtime.app.events, self.runtime.clock.now()
        new = [events.encode(Drop(first + n, "x" * 150)) for n in range(count)]
        records = [event_record(each, f"k{(first + n) % 997}", "bench", now) for n, each in enumerate(new)]
        await asyncio.gather(*(self._publish(records[n::10]) for n in range(10)))

    async def _publish(self, records: list[NewRecord]) -> None:
        try:
            await self.runtime.producer("flood").publish(*records)
        except Overloaded:
            self.refused += len(records)
        else:
            self.accepted += len(records)

    async def burst(self, rate: float, seconds: float) -> None:
        """Offer that many records a second, whatever becomes of them: open loop."""
        end = time.perf_counter() + seconds
        due = time.perf_counter()
        async with asyncio.TaskGroup() as group:
            while time.perf_counter() < end:
                group.create_task(self.offer(round(rate * TICK)))
                due += TICK
                await asyncio.sleep(max(0.0, due - time.perf_counter()))

    async def counted(self) -> int:
        """How many records had their effect."""
        rows = await self.runtime.sql("SELECT coalesce(sum(n), 0) AS n FROM counts")
        return int(rows[0]["n"])

    async def sample(self) -> None:
        """Note memory, backlog and counts until cancelled."""
        while True:
            done = await self.counted()
            self.samples.append({
                "at": time.perf_counter() - self.start, "rss": rss(), "backlog": self.accepted - done, "done": done,
                "offered": self.offered, "accepted": self.accepted, "refused": self.refused,
            })  # fmt: skip
            await asyncio.sleep(SAMPLE)

    async def drained(self) -> None:
        while await self.counted() < self.accepted:  # noqa: ASYNC110 - it is the database that tells
            await asyncio.sleep(0.02)


def rss() -> float:
    """This process's memory in MB."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


async def run(folder: Path, seconds: float) -> dict[str, Any]:
    """Measure the full rate, then flood, then drain."""
    async with Runtime.open(APP, f"sqlite:///{folder}/store.db", broker=f"sqlite:///{folder}/topics.db") as runtime:
        flood = Flood(runtime)
        await flood.offer(3_000)
        await flood.drained()  # warm
        await flood.offer(5_000)
        begun = time.perf_counter()
        await flood.drained()
        full = 5_000 / (time.perf_counter() - begun)
        say(f"the consumer's full rate: {full:,.0f} records/s; offering {TIMES * full:,.0f} for {seconds:g} s")
        gc.collect()
        flood.start = time.perf_counter()
        sampling = asyncio.create_task(flood.sample())
        await flood.burst(TIMES * full, seconds)
        burst_ended, left = time.perf_counter(), flood.accepted - await flood.counted()
        say(f"offered {flood.offered:,}, accepted {flood.accepted:,}, refused {flood.refused:,}; {left:,} to drain")
        await flood.drained()
        drain = left / (time.perf_counter() - burst_ended)
        sampling.cancel()
        await asyncio.gather(sampling, return_exceptions=True)
        return judged(flood, await flood.counted(), full, drain, burst_ended - flood.start)


def judged(flood: Flood, counted: int, full: float, drain: float, burst: float) -> dict[str, Any]:
    during = [each["rss"] for each in flood.samples if WARM <= each["at"] <= burst]
    band = max(during) - min(during)
    return {
        "full_rate": full, "drain_rate": drain, "drain_share": drain / full, "memory_band_mb": band,
        "offered": flood.offered, "accepted": flood.accepted, "refused": flood.refused, "counted": counted,
        "highest_backlog": max(each["backlog"] for each in flood.samples), "declared_backlog": BACKLOG,
        "burst_seconds": burst,
        "holds": counted == flood.accepted and band <= MEMORY_BAND and drain >= DRAIN_SHARE * full,
        "samples": flood.samples,
    }  # fmt: skip


DRAW = """
import json, sys
import matplotlib
matplotlib.use("Agg")
import matplotlib.pyplot as plt

found = json.load(open(sys.argv[1]))
samples, burst = found["samples"], found["burst_seconds"]
at = [each["at"] for each in samples]
figure, (above, below) = plt.subplots(2, 1, sharex=True, figsize=(9, 6), constrained_layout=True)
for axes in (above, below):
    axes.axvspan(0, burst, color="#f3e3d0", zorder=0)
    axes.grid(color="#dddddd", linewidth=0.6)
    axes.spines[["top", "right"]].set_visible(False)
above.plot(at, [each["backlog"] for each in samples], color="#1f5f8b", linewidth=1.8)
above.axhline(found["declared_backlog"], color="#b33a3a", linestyle="--", linewidth=1)
above.text(burst, found["declared_backlog"], " declared backlog", color="#b33a3a", va="bottom")
above.set_ylabel("records not yet worked off")
above.set_ylim(0)
above.set_title(
    f"Producers offer 10 times what the consumer takes for {burst:.0f} s (shaded): "
    f"{found['refused']:,} of {found['offered']:,} refused,\\n{found['accepted']:,} accepted, "
    f"each counted once; drained at {found['drain_share']:.0%} of the full rate", fontsize=10, loc="left")
below.plot(at, [each["rss"] for each in samples], color="#3a7d44", linewidth=1.8)
below.set_ylabel("memory of the process, MB")
below.set_ylim(0, 1.6 * max(each["rss"] for each in samples))
below.set_xlabel("seconds")
below.text(burst / 2, 1.15 * max(each["rss"] for each in samples),
    f"within {found['memory_band_mb']:.1f} MB", ha="center", color="#3a7d44")
figure.savefig(sys.argv[2], dpi=110)
"""


def draw(found: dict[str, Any], png: Path, work: Path) -> None:
    """Draw the samples, in the environment of the benches' own tools."""
    data = work / "overload.json"
    data.write_text(json.dumps(found))
    subprocess.run([str(peers_python()), "-c", DRAW, str(data), str(png)], check=True)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.overload", description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=60.0, help="how long the producers offer too much")
    parser.add_argument("--png", type=Path, default=ROOT / "var" / "bench" / "overload.png", help="where to draw it")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    options = parser.parse_args()
    options.png.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=options.png.parent) as folder:
        found = asyncio.run(run(Path(folder), options.seconds))
        draw(found, options.png, Path(folder))
    del found["samples"]
    print(json.dumps(found) if options.json else "\n".join(f"{name:18} {value}" for name, value in found.items()))
    return 0 if found["holds"] else 1


if __name__ == "__main__":
    sys.exit(main())
