"""Archives in Parquet: the lines, compressed, beside columns by which other tools find and count them."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from headwater.errors import MissingExtra, StoreCorrupt
from headwater.store.archive import ADDRESS

try:
    import duckdb
except ModuleNotFoundError as error:
    raise MissingExtra("parquet", "an archive in Parquet") from error

LONGEST_LINE = 16 * 1024 * 1024  # bytes
ROWS = 1_000
# No character of a line is the separator of columns, as JSON escapes it; so each line is one column.
PACK = f"""
    COPY (
        SELECT (line->>'position')::BIGINT AS position, line->>'subject' AS stream,
            (line->>'streamversion')::BIGINT AS stream_version, line->>'type' AS type,
            (line->>'typeversion')::BIGINT AS type_version, (line->>'time')::TIMESTAMPTZ AS time,
            line->>'id' AS id, line
        FROM read_csv(
            {{lines}}, columns={{{{'line': 'VARCHAR'}}}}, delim='\x01', quote='', escape='', comment='', header=false,
            auto_detect=false, new_line='\\n', max_line_size={LONGEST_LINE}, parallel=false)
    ) TO {{file}} (FORMAT parquet, COMPRESSION zstd)
"""
UNPACK = "SELECT line FROM read_parquet({file})"


def pack(lines: Path, file: Path) -> None:
    """Make a Parquet file of a file of lines. Raises OSError."""
    try:
        with _connected() as connection:
            connection.execute(PACK.format(lines=_quoted(lines), file=_quoted(file)))
    except duckdb.Error as error:
        raise OSError(0, str(error), str(file)) from error


def unpack(file: Path) -> BinaryIO:
    """The lines of a Parquet file, in a temporary file that goes when it is closed. Raises StoreCorrupt, OSError."""
    lines = tempfile.TemporaryFile()  # noqa: SIM115 - whoever asks for it closes it
    try:
        with _connected() as connection:
            found = connection.execute(UNPACK.format(file=_quoted(file)))
            while rows := found.fetchmany(ROWS):
                lines.write(b"".join(line.encode() + b"\n" for (line,) in rows))
        lines.seek(0)
    except (duckdb.Error, AttributeError) as error:
        lines.close()
        raise StoreCorrupt(f"{ADDRESS}{file}", f"it is no Parquet file of an archive: {error}") from error
    except BaseException:
        lines.close()
        raise
    return lines


@contextmanager
def _connected() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        connection.execute("SET preserve_insertion_order = true")
        yield connection


def _quoted(path: Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"
