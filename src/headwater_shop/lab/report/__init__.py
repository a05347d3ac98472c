"""The laboratory's report: one page of HTML that needs nothing else, made from raw data alone."""

from pathlib import Path

from headwater_shop.lab import recording
from headwater_shop.lab.report.page import page

NAME = "report.html"


def write(folder: Path) -> Path:
    """Write the report of a folder's raw data into it; where it is. Raises ValueError where there are none."""
    runs = recording.read_all(folder)
    if not runs:
        raise ValueError(f"there are no raw data in {folder}: run the laboratory first")
    file = folder / NAME
    file.write_text(page(runs), encoding="utf-8")
    return file
