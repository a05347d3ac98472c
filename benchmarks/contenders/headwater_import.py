"""import: the shop's importer over a real file, into an empty store, until every view has seen everything."""

import asyncio
import json
import sys
import time
from pathlib import Path

from benchmarks.contender import options
from headwater import Runtime
from headwater_shop.event_driven.app import shop_app
from headwater_shop.imports import import_file


async def measure(directory: Path, file: Path) -> float:
    start = time.perf_counter()
    async with Runtime.open(shop_app(), f"sqlite:///{directory}/shop.db") as runtime:
        await import_file(runtime, file, None)
        await runtime.idle(timeout=600)
        return time.perf_counter() - start


if __name__ == "__main__":
    chosen = options()
    for line in sys.stdin:
        print(json.dumps({"value": asyncio.run(measure(Path(line.strip()), Path(chosen.mode)))}), flush=True)
