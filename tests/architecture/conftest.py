"""What the architecture tests look at: the project's own files, as git sees them."""

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
GENERATED = {"__pycache__", "var", "dist", "node_modules"}
HIDDEN = {".ci", ".gitignore"}


@pytest.fixture(scope="session")
def root() -> Path:
    """The repository's folder."""
    return ROOT


@pytest.fixture(scope="session")
def project_files() -> list[Path]:
    """Every file that is, or would be, committed."""
    if shutil.which("git") and (ROOT / ".git").exists():
        command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
        listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\0")
        return sorted(path for name in listed if name and (path := ROOT / name).is_file())
    return sorted(path for path in ROOT.rglob("*") if path.is_file() and not _generated(path.relative_to(ROOT)))


def _generated(path: Path) -> bool:
    hidden = path.parts[0].startswith(".") and path.parts[0] not in HIDDEN
    return hidden or not GENERATED.isdisjoint(path.parts) or path.name == "uv.lock"


@pytest.fixture(scope="session")
def python_files(project_files: list[Path]) -> list[Path]:
    """The project's Python files."""
    return [path for path in project_files if path.suffix == ".py"]
