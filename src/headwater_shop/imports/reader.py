"""A transactions file, plain or gzipped, as records with their line numbers."""

import csv
import gzip
import io
import zlib
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import IO, NamedTuple, Self

from headwater.errors import MalformedData
from headwater_shop.imports.rows import HEADER

_GZIP = b"\x1f\x8b"


class Record(NamedTuple):
    """The fields of a row and the line it begins at; or, where the CSV itself is broken, what is wrong with it."""

    line: int
    fields: list[str]
    error: str = ""


class TransactionsFile:
    """Opens the file and checks its header. Raises OSError; MalformedData for another header or damaged gzip.

    Bytes that are no UTF-8 become U+FFFD, so that every row is accounted for. `size` and `done` count bytes on disk.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._file = self.path.open("rb")
        try:
            self.size = self.path.stat().st_size
            self._text = io.TextIOWrapper(self._opened(), encoding="utf-8-sig", errors="replace", newline="")
            self._reader = csv.reader(self._text)
            self._check_header()
        except BaseException:
            self._file.close()
            raise

    @property
    def done(self) -> int:
        """How many bytes of the file have been read."""
        return self._file.tell()

    def records(self) -> Iterator[Record]:
        """The rows after the header; lines with nothing on them are none. Raises MalformedData."""
        while True:
            line = self._reader.line_num + 1
            try:
                fields = self._next()
            except csv.Error as error:
                yield Record(line, [], str(error))
                continue
            if fields is None:
                return
            if fields:
                yield Record(line, fields)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._text.close()
        self._file.close()

    def _opened(self) -> IO[bytes]:
        zipped = self._file.read(len(_GZIP)) == _GZIP
        self._file.seek(0)
        return gzip.open(self._file) if zipped else self._file  # type: ignore[return-value]

    def _check_header(self) -> None:
        try:
            header = self._next() or []
        except csv.Error as error:
            raise MalformedData(
                f"transactions file {self.path.name!r}", f"its first line is broken: {error}"
            ) from error
        if tuple(name.strip() for name in header) != HEADER:
            raise MalformedData(f"transactions file {self.path.name!r}", f"its first line must be {','.join(HEADER)}")

    def _next(self) -> list[str] | None:
        try:
            return next(self._reader, None)
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise MalformedData(f"transactions file {self.path.name!r}", f"damaged gzip: {error}") from error
