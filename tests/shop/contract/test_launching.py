"""Architectures as processes: how they begin, change and end."""

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import psutil
import pytest
from running_shop import Shop, running_shop, until

from headwater.errors import UnknownType
from headwater.testing.postgres import PostgresServer
from headwater_shop.architectures import ARCHITECTURES, architecture_of
from headwater_shop.service import SERVICES

MUG = ("mug", 1, "2.50")
ENDS_WITHIN = 20.0


def test_every_service_can_be_run_and_calls_those_that_are_there() -> None:
    for each in ARCHITECTURES:
        names = [service.name for service in each.services]
        assert {each.front, each.checkout, each.producer, *each.consumers} <= set(names)
        assert {callee for service in each.services for callee in service.calls} <= {*names, "bank"}
        if each.name != "event_driven":
            assert set(names) == set(SERVICES[each.name])
            assert each.keeper in names


def test_architectures_by_name() -> None:
    assert architecture_of("soa").title == "soa"
    assert architecture_of("point_to_point").title == "point_to_point/hardened"
    assert architecture_of("point_to_point", "naive").title == "point_to_point/naive"
    assert architecture_of("event_driven").title == "event_driven/gated"
    for wrong in (("soa", "naive"), ("soap", "")):
        with pytest.raises(UnknownType):
            architecture_of(*wrong)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    with running_shop(architecture_of("point_to_point"), tmp_path_factory.mktemp("hardened")) as running:
        yield running


def sells(shop: Shop, order_id: str) -> bool:
    answer = shop.put(order_id, MUG)
    if answer.status_code == 201:
        return True
    assert answer.status_code in (502, 503, 504), answer.text
    return False


def shows(shop: Shop) -> bool:
    return shop.ask("GET", "products/mug").status_code == 200


def test_an_interface_that_changes(shop: Shop) -> None:
    """Whoever is not deployed with it does not understand a renamed field, or leaves out a required one."""
    shop.deploy("product", "additive")
    assert sells(shop, "o-additive")
    assert shows(shop)
    shop.deploy("product", "renamed")
    assert not sells(shop, "o-renamed")
    assert not shows(shop)
    shop.deploy("gui", "renamed")
    shop.deploy("checkout", "renamed")
    until(lambda: sells(shop, "o-renamed"), "what was asked for before is sold")
    assert shows(shop)
    shop.deploy("product", "required")
    assert not sells(shop, "o-required")
    shop.deploy("gui", "required")
    shop.deploy("checkout", "required")
    until(lambda: sells(shop, "o-required"), "what was asked for before is sold")
    for name in ("product", "gui", "checkout"):
        shop.deploy(name, "")
    until(lambda: sells(shop, "o-after"), "all is as before")
    assert [shop.ends(f"o-{name}") for name in ("additive", "renamed", "required", "after")] == ["dispatched"] * 4
    shop.available("mug", 496)


def test_a_service_keeps_its_address_and_how_it_was_deployed(shop: Shop) -> None:
    url, pid = shop.launch.url("product"), shop.launch.pid("product")
    shop.deploy("product", "renamed")
    shop.launch.kill("product")
    assert shop.launch.fallen() == ["product"]
    shop.start("product")
    assert shop.launch.url("product") == url
    assert shop.launch.pid("product") != pid
    assert "unit_price" in httpx.get(f"{url}/api/shop/products/mug", trust_env=False).json()
    shop.deploy("product", "")


def test_a_shop_of_before_is_opened_again_with_all_that_it_knows(
    postgres: PostgresServer, new_schema: Callable[[PostgresServer], str], tmp_path: Path
) -> None:
    """In PostgreSQL, and parcels are packed for a while."""
    store = new_schema(postgres).partition("?")[0]
    with running_shop(architecture_of("soa"), tmp_path, store=store, packing=0.4) as shop:
        assert shop.put("o-1", MUG).json()["status"] == "paid"
        shop.launch.kill("bus")  # who would have sent it
    with running_shop(architecture_of("soa"), tmp_path, store=store) as shop:
        assert shop.ends("o-1") == "dispatched"
        shop.available("mug", 499)


def begun(folder: Path) -> tuple["subprocess.Popen[str]", str, list[psutil.Process]]:
    """The command, the line that it says, and its services."""
    command = [str(Path(sys.executable).with_name("headwater")), "shop", "--architecture", "soa", "--port", "0"]
    process = subprocess.Popen(
        [*command, "--store", f"sqlite:///{folder}/shop.db", "--payment-failures", "0"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    line = process.stdout.readline()
    return process, line, psutil.Process(process.pid).children(recursive=True)


def test_one_command_and_ctrl_c(tmp_path: Path) -> None:
    process, line, services = begun(tmp_path)
    with process:
        assert line.startswith("The shop is open at http://127.0.0.1:")
        assert line.endswith("/ as soa; Ctrl-C closes it\n")
        assert len(services) == 5
        page = httpx.get(line.split()[5], trust_env=False)
        assert page.status_code == 200
        assert "service-oriented" in page.text
        process.send_signal(signal.SIGINT)
        assert process.wait(ENDS_WITHIN) == 0
    assert not any(each.is_running() for each in services)


def test_services_end_with_whoever_started_them(tmp_path: Path) -> None:
    process, _line, services = begun(tmp_path)
    with process:
        assert len(services) == 5
        process.kill()
    _gone, left = psutil.wait_procs(services, ENDS_WITHIN)
    assert not left
