"""A fuzzer that reads /api/openapi.json finds nothing in the running shop that makes it fail, then or afterwards."""

import json
import subprocess
import sys
import urllib.request
from datetime import date
from pathlib import Path

from real_shop import headwater, running

from headwater_shop.seed import write_csv

PAGES = ("/", "/search?sort=price", "/search?sort=name&page=2", "/report", "/cart", "/orders", "/api/health")


def test_a_fuzzer_finds_no_server_error_and_the_shop_goes_on(tmp_path: Path) -> None:
    store = f"sqlite:///{tmp_path / 'shop.db'}"
    write_csv(tmp_path / "week.csv", seed=3, orders=20, start=date(2024, 11, 4), days=7)
    headwater("shop", "import", str(tmp_path / "week.csv"), "--store", store)
    options = ["--port", "0", "--payment-delay", "0", "--payment-failures", "0.5", "--packing", "0"]
    with running("--store", store, *options, cwd=tmp_path) as (url, process):
        out = _fuzz(f"{url}/api/openapi.json", tmp_path)
        assert "No issues found" in out, out
        for page in PAGES:
            with urllib.request.urlopen(url + page, timeout=10) as answer:
                assert answer.status == 200
        assert process.poll() is None
    assert json.loads(headwater("shop", "report", "--json", "--store", store))["net"]


def _fuzz(document: str, folder: Path) -> str:
    (folder / "schemathesis.toml").touch()  # so that none of another folder is read
    command = [
        sys.executable, "-m", "schemathesis.cli", "--config-file", str(folder / "schemathesis.toml"), "run", document,
        "--checks", "not_a_server_error", "--phases", "fuzzing", "--max-examples", "4", "--seed", "1",
        "--warnings", "off", "--no-color", "--request-timeout", "10",
    ]  # fmt: skip
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120)
    return done.stdout + done.stderr
