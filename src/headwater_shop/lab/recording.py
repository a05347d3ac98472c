"""Raw data in files: a run each, one JSON object a line."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec

from headwater_shop.lab.raw import Line

SUFFIX: Final = ".jsonl"

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Line).decode


def write(folder: Path, id: str, lines: Sequence[Line]) -> Path:
    """Keep a run's lines; the file is there when it is whole."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{id}{SUFFIX}"
    unfinished = file.with_suffix(".part")
    with unfinished.open("wb") as out:
        out.writelines(_encode(line) + b"\n" for line in lines)
    return unfinished.replace(file)


def read(file: Path) -> list[Line]:
    """A run's lines. Raises msgspec.DecodeError for what is none."""
    with file.open("rb") as kept:
        return [_decode(line) for line in kept]


def read_all(folder: Path) -> list[list[Line]]:
    """The lines of every run in a folder, in order of the files' names."""
    return [read(file) for file in sorted(folder.glob(f"*{SUFFIX}"))]
