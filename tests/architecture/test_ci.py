"""Under CI a skip is a failure; elsewhere it is not."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = {
    "skips": "import pytest\ndef test_a(): pytest.skip('no browser')\n",
    "skips whole": "import pytest\npytest.importorskip('no_such_library')\n",
    "passes": "import pytest\ndef test_a(): pass\n@pytest.mark.xfail(strict=True)\ndef test_b(): assert 0\n",
}


@pytest.mark.parametrize(
    ("tests", "ci", "code"),
    [("skips", "true", 1), ("skips whole", "true", 1), ("passes", "true", 0), ("skips", "", 0)],
)
def test_skips(tmp_path: Path, root: Path, tests: str, ci: str, code: int) -> None:
    shutil.copy(root / "conftest.py", tmp_path)
    (tmp_path / "test_it.py").write_text(TESTS[tests])
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path), f"--rootdir={tmp_path}"]
    environment = {**os.environ, "CI": ci, "PYTEST_ADDOPTS": ""}  # whoever runs this test may have set some
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == code, done.stdout
    assert ("skipped, which fails under CI" in done.stdout) == bool(code)
