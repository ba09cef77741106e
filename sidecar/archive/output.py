"""Query results as text: a table for people, CSV and JSON lines for programs."""

import csv
import json
import math
import shutil
from collections.abc import Iterable, Iterator
from contextlib import redirect_stdout
from datetime import date, datetime
from io import StringIO
from pathlib import Path
from typing import Any

import pyarrow as pa

from sidecar.archive.failures import in_a_line
from sidecar.archive.reading import open_archive

TABLE_ROWS = 1000
"""Rows that the table shows; the other formats give all."""


_ALL_COLUMNS = 10_000


def answer(path: Path, sql: str, form: str) -> Iterator[str]:
    """Lines of the answer to one SELECT over an archive, as ``table``, ``csv`` or ``json``.

    Raises QueryFailed.
    """
    with in_a_line():
        yield from _lines(open_archive(path).sql(sql), form)


def _lines(result: Any, form: str) -> Iterator[str]:
    if form == "table":
        yield from table(result)
    else:
        yield from (csv_lines if form == "csv" else json_lines)(result.to_arrow_table())


def table(result: Any) -> Iterator[str]:
    """A DuckDB relation as a box of at most `TABLE_ROWS` rows, as wide as the terminal if any."""
    text = StringIO()
    with redirect_stdout(text):
        width = shutil.get_terminal_size((_ALL_COLUMNS, 0)).columns
        result.show(max_rows=TABLE_ROWS, max_width=width)
    yield text.getvalue().rstrip("\n")


def csv_lines(result: pa.Table) -> Iterator[str]:
    """A heading, then a line for each row; empty is null, and lists and maps are JSON."""
    yield _csv_line(result.column_names)
    for row in _rows(result):
        yield _csv_line([_json(cell) if isinstance(cell, list | dict) else cell for cell in row])


def json_lines(result: pa.Table) -> Iterator[str]:
    """A JSON object for each row; NaN is null, and times are ISO 8601."""
    for row in _rows(result):
        yield _json(dict(zip(result.column_names, row, strict=True)))


def _rows(result: pa.Table) -> Iterator[list[Any]]:
    for batch in result.to_batches():
        columns = [[_plain(cell) for cell in column.to_pylist()] for column in batch.columns]
        yield from map(list, zip(*columns, strict=True))


def _plain(cell: Any) -> Any:
    """A value that JSON has."""
    if isinstance(cell, float):
        return cell if math.isfinite(cell) else None
    if isinstance(cell, datetime | date):
        return cell.isoformat()
    if isinstance(cell, list):
        if cell and all(isinstance(item, tuple) for item in cell):
            return {key: _plain(value) for key, value in cell}
        return [_plain(item) for item in cell]
    if isinstance(cell, dict):
        return {key: _plain(value) for key, value in cell.items()}
    return cell


def _csv_line(cells: Iterable[Any]) -> str:
    text = StringIO()
    csv.writer(text, lineterminator="").writerow(cells)
    return text.getvalue()


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)
