"""load-fold: eventsourcing's repository on SQLite."""

from benchmarks.contender import options, per_second, play
from benchmarks.contenders.eventsourcing_cart import IDS, Cart, Carts, open_carts, populate
from benchmarks.workload import EVENTS_PER_AGGREGATE, far_apart

OPTIONS = options()


def load(carts: Carts, k: int) -> None:
    cart: Cart = carts.repository.get(IDS[far_apart(k)])
    assert cart.version == EVENTS_PER_AGGREGATE


def main() -> None:
    carts = open_carts(populate(OPTIONS.dir / "events.db"))
    play(lambda _: per_second(lambda k: load(carts, k), OPTIONS.seconds) * EVENTS_PER_AGGREGATE)


if __name__ == "__main__":
    main()
