"""`python -m headwater_shop.event_services NAME --store=… --broker=… …`: a service as a process; see `serving`."""

import argparse
import logging

from headwater_shop.domain.order import PAYMENT_DEADLINE
from headwater_shop.event_driven.interfaces import NAMES as INTERFACES
from headwater_shop.event_driven.services import NAMES
from headwater_shop.event_services.serving import Options, run_event_driven


def main() -> None:
    """Read the command line, and be that service."""
    parser = argparse.ArgumentParser(prog="headwater_shop.event_services", description="A service of the shop.")
    parser.add_argument("service", choices=NAMES)
    for name in ("store", "broker"):
        parser.add_argument(f"--{name}", required=True)
    for name in ("bank", "cards"):
        parser.add_argument(f"--{name}", default="")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--variant", choices=("naive", "gated"), default="naive")
    parser.add_argument("--interface", choices=INTERFACES, default="")
    parser.add_argument("--packing", type=float, default=0.0)
    parser.add_argument("--payment-deadline", type=float, default=PAYMENT_DEADLINE.total_seconds())
    parser.add_argument("--other", action="append", default=[], metavar="TITLE=URL")
    given = vars(parser.parse_args())
    given["others"] = dict(each.split("=", 1) for each in given.pop("other"))
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    run_event_driven(given.pop("service"), Options(**given))


if __name__ == "__main__":
    main()
