"""execute: load a cart, decide, append one event durably: eventsourcing's application on SQLite, 64 threads.

As many threads as callers; a pool of 1 to 4 threads was measured to be a tenth faster, one of 16 a tenth slower.
"""

from pathlib import Path

from benchmarks.contender import fresh_copy, options, play, threads_per_second
from benchmarks.contenders.eventsourcing_cart import IDS, Cart, Carts, open_carts, populate
from benchmarks.workload import DEFAULT_CONCURRENCY, event, mine

OPTIONS = options()


def add_item(carts: Carts, worker: int, k: int) -> None:
    """The decision: a cart takes no item that costs nothing."""
    data = event(k)
    cart: Cart = carts.repository.get(IDS[mine(worker, k)])
    if data["price_pence"] <= 0:
        raise ValueError(data)
    cart.add(**data)
    carts.save(cart)


def run(store: Path) -> float:
    with open_carts(store) as carts:
        return threads_per_second(lambda w, k: add_item(carts, w, k), DEFAULT_CONCURRENCY, OPTIONS.seconds)


def main() -> None:
    filled = populate(OPTIONS.dir / "events.db")
    play(lambda directory: run(fresh_copy(filled, directory)))


if __name__ == "__main__":
    main()
