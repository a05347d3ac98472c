"""The launcher, with stand-ins for Python's venv, uv and pip that note what they are asked to do."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
PYTHON = f"""#!/bin/sh
case "$1 $2" in
"-c import sys; sys.exit"*) exit "${{TOO_OLD:-0}}" ;;
"-c import ensurepip"*) exit "${{NO_VENV:-0}}" ;;
"-c "*) exec {sys.executable} "$@" ;;
"-m venv")
    for folder; do :; done
    mkdir -p "$folder/bin"
    cp "$0" "$folder/bin/python"
    cp "$STUBS/uv" "$folder/bin/uv"
    cp "$STUBS/uv" "$folder/bin/pip"
    cp "$STUBS/program" "$folder/bin/headwater" ;;
"-m pip") echo "pip $*" >>"$LOG"; echo "noise on stdout"; exit "${{PIP_FAILS:-0}}" ;;
"-m pytest") echo "$(pwd) $*" ;;
esac
"""
UV = """#!/bin/sh
echo "uv $*" >>"$LOG"
exit "${UV_FAILS:-0}"
"""
PROGRAM = """#!/bin/sh
printf '<%s>' "$@"
"""


class Checkout:
    """A folder with the launcher and stubs of everything that it calls."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "a check out"
        self.stubs = folder / "stubs"
        self.log = folder / "log"
        (self.root / "requirements").mkdir(parents=True)
        shutil.copy(REPOSITORY / "headwater", self.root)
        self.write("pyproject.toml", "[project]")
        self.write("requirements/shop.txt", "a==1")
        self.write("requirements/dev.txt", "a==1\nb==1")
        self.stubs.mkdir()
        for name, text in (("python3", PYTHON), ("uv", UV), ("program", PROGRAM)):
            (self.stubs / name).write_text(text)
            (self.stubs / name).chmod(0o755)
        path = f"{self.stubs}{os.pathsep}{os.environ['PATH']}"
        self.environment = {**os.environ, "PATH": path, "STUBS": str(self.stubs), "LOG": str(self.log)}

    def write(self, name: str, text: str) -> None:
        (self.root / name).write_text(text)

    def start(self, *arguments: str, **environment: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [self.root / "headwater", *arguments],
            env={**self.environment, **environment},
            cwd=self.stubs,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *arguments: str, **environment: str) -> tuple[int, str, str]:
        with self.start(*arguments, **environment) as process:
            out, err = process.communicate()
        return process.returncode, out, err

    def installs(self) -> list[str]:
        """What was installed since the last call, without uv's and pip's fixed parts."""
        lines = self.log.read_text().splitlines() if self.log.exists() else []
        self.log.write_text("")
        return [
            line.rpartition(str(self.root))[2].lstrip("/") for line in lines if "install" in line and "uv>=" not in line
        ]


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path)


SHOP = ["requirements/shop.txt", ""]
DEV = ["requirements/dev.txt", ""]


def test_first_use_installs_then_runs_the_program_where_the_user_stands(checkout: Checkout) -> None:
    code, out, err = checkout.run("store", "info", "a b", "")
    assert (code, out) == (0, "<store><info><a b><>"), err
    assert "making the environment" in err
    assert checkout.installs() == SHOP
    assert checkout.run("shop") == (0, "<shop>", "")
    assert checkout.installs() == []


def test_tests_have_their_own_requirements_which_serve_the_shop_too(checkout: Checkout) -> None:
    assert checkout.run("test", "-k", "x y")[1] == f"{checkout.root} -m pytest -k x y\n"
    assert checkout.installs() == DEV
    checkout.run("shop")
    assert checkout.installs() == []


def test_the_shop_comes_first_and_tests_after(checkout: Checkout) -> None:
    checkout.run("shop")
    assert checkout.installs() == SHOP
    checkout.run("test")
    assert checkout.installs() == DEV


@pytest.mark.parametrize("changed", ["pyproject.toml", "requirements/shop.txt"])
def test_installs_again_when_what_it_is_made_from_has_changed(checkout: Checkout, changed: str) -> None:
    checkout.run("shop")
    checkout.installs()
    checkout.write(changed, "other==2")
    checkout.run("shop")
    assert checkout.installs() == SHOP


def test_a_moved_folder_is_made_anew(checkout: Checkout) -> None:
    checkout.run("shop")
    checkout.installs()
    left_over = checkout.root / ".venv/left-over"
    left_over.touch()
    checkout.root = checkout.root.rename(checkout.root.with_name("elsewhere"))
    assert checkout.run("shop")[0] == 0
    assert checkout.installs() == SHOP


def test_an_interrupted_set_up_is_made_anew(checkout: Checkout) -> None:
    assert checkout.run("shop", UV_FAILS="1", PIP_FAILS="1")[0] == 1
    assert (checkout.root / ".venv/headwater-unfinished").exists()
    code, out, _ = checkout.run("shop")
    assert (code, out) == (0, "<shop>")
    assert not (checkout.root / ".venv/headwater-unfinished").exists()


def test_two_at_once_install_once(checkout: Checkout) -> None:
    processes = [checkout.start("shop") for _ in range(4)]
    answers = [process.communicate() for process in processes]
    assert [(process.returncode, out) for process, (out, _) in zip(processes, answers, strict=True)] == [
        (0, "<shop>")
    ] * 4
    assert checkout.installs() == SHOP


def test_pip_serves_where_uv_fails(checkout: Checkout) -> None:
    code, out, err = checkout.run("shop", UV_FAILS="1")
    assert (code, out) == (0, "<shop>"), err
    assert "trying pip" in err
    assert (
        sum(line.startswith("pip") for line in checkout.log.read_text().splitlines()) == 3
    )  # uv itself, pins, project


def test_no_package_index_is_said_clearly(checkout: Checkout) -> None:
    code, out, err = checkout.run("shop", UV_FAILS="1", PIP_FAILS="1")
    assert (code, out) == (1, "")
    assert "could not install the requirements" in err


def test_an_old_python_is_said_clearly(checkout: Checkout) -> None:
    code, out, err = checkout.run("shop", TOO_OLD="1", PATH=f"{checkout.stubs}:{_tools(checkout)}")
    assert (code, out) == (1, "")
    assert "needs Python 3.11 or newer" in err


def test_a_missing_venv_module_is_said_clearly(checkout: Checkout) -> None:
    code, out, err = checkout.run("shop", NO_VENV="1")
    assert (code, out) == (1, "")
    assert "apt-get install python3-venv" in err


def _tools(checkout: Checkout) -> Path:
    """A folder with nothing but the system's basic tools: no other Python."""
    folder = checkout.stubs / "tools"
    folder.mkdir()
    for name in ("sh", "cat", "cksum", "dirname", "readlink", "mkdir", "cp", "rm"):
        (folder / name).symlink_to(shutil.which(name) or name)
    return folder


def test_ctrl_c_reaches_the_program(checkout: Checkout) -> None:
    checkout.run("shop")
    waiting = checkout.root / ".venv/bin/headwater"
    waiting.write_text(f"#!/bin/sh\nexec {sys.executable} -c 'import os; print(os.getpid())'\n")
    with checkout.start("shop") as process:
        out, _ = process.communicate()
    assert int(out) == process.pid  # the launcher became the program: nothing stands between


def test_a_warm_start_costs_little(checkout: Checkout) -> None:
    checkout.run("shop")
    costs = []
    for _ in range(5):
        begun = time.perf_counter()
        checkout.run("shop")
        costs.append(time.perf_counter() - begun)
    assert min(costs) < 0.2
