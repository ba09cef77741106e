"""Reading an archive: as a pyarrow dataset, into pandas and polars, and with SQL."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import pyarrow as pa

from sidecar.archive import layout, swap
from sidecar.archive.staging import stored
from sidecar.archive.versions import is_current
from sidecar.schema import RECORD

if TYPE_CHECKING:
    import duckdb
    import pandas as pd
    import polars as pl
    import pyarrow.dataset as ds

PARTITIONS = pa.schema(
    [pa.field("date", pa.date32(), nullable=False), pa.field("hour", pa.int32(), nullable=False)]
)
"""Columns that readers take from the folders' names: the UTC date and hour of ``time``."""

COLUMNS = pa.unify_schemas([stored(RECORD), PARTITIONS])
"""All columns of an archive."""

_TRIES = 5

Found = TypeVar("Found")


def steadily(read: Callable[[], Found]) -> Found:
    """What ``read`` returns; it lists files anew where one is replaced before it is opened."""
    for _ in range(_TRIES - 1):
        with suppress(FileNotFoundError):
            return read()
    return read()


class Archive:
    """The finished files of an archive folder; files under way are not seen."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def files(self) -> list[Path]:
        """Finished files, each row in one of them, by date and hour as text."""
        return swap.visible(self.path)

    @property
    def dataset(self) -> "ds.Dataset":
        """The files that are there now, with the types of `COLUMNS`."""
        import pyarrow.dataset as ds

        return ds.dataset(
            [str(file) for file in self.files],
            schema=COLUMNS,
            format="parquet",
            partitioning=ds.partitioning(PARTITIONS, flavor="hive"),
            partition_base_dir=str(self.path),
        )

    def to_arrow(
        self,
        columns: Sequence[str] | None = None,
        filter: "ds.Expression | None" = None,  # noqa: A002 - pyarrow's word
    ) -> pa.Table:
        """The samples, all columns by default; ``filter`` is a pyarrow expression."""
        names = None if columns is None else list(columns)
        return steadily(lambda: self.dataset.to_table(columns=names, filter=filter))

    def to_pandas(
        self,
        columns: Sequence[str] | None = None,
        filter: "ds.Expression | None" = None,  # noqa: A002 - pyarrow's word
    ) -> "pd.DataFrame":
        """The same as a pandas frame; per-head arrays are numpy arrays in an object column."""
        frame: pd.DataFrame = self.to_arrow(columns, filter).to_pandas()
        return frame

    def to_polars(
        self,
        columns: Sequence[str] | None = None,
        filter: "ds.Expression | None" = None,  # noqa: A002 - pyarrow's word
    ) -> "pl.DataFrame":
        """The same as a polars frame; tags become lists of key and value."""
        import polars as pl

        frame = pl.from_arrow(self.to_arrow(columns, filter))
        assert isinstance(frame, pl.DataFrame)
        return frame

    @cached_property
    def connection(self) -> "duckdb.DuckDBPyConnection":
        """A DuckDB connection with the views of `views`, in UTC, that can only read the archive."""
        from sidecar.archive import views

        current = steadily(lambda: all(map(is_current, self.files)))
        chosen = self._chosen if self.files else []
        return views.connect(self.path, COLUMNS, chosen, current=current)

    @property
    def _chosen(self) -> list[str]:
        """What SQL reads: DuckDB lists files faster by itself, but all that are there."""
        if swap.is_at_work(self.path):
            return [str(file.absolute()) for file in self.files]
        return [str(self.path.absolute() / layout.DATA_GLOB)]

    def sql(self, query: str, parameters: Any = None) -> "duckdb.DuckDBPyRelation":
        """A DuckDB relation of one SELECT over the views; lazy until it is fetched.

        Raises duckdb.Error for a wrong query and ValueError for anything but one SELECT.
        """
        import duckdb

        from sidecar.archive import views

        statements = self.connection.extract_statements(query)
        reading = (duckdb.StatementType.SELECT, duckdb.StatementType.EXPLAIN)
        if len(statements) != 1 or statements[0].type not in reading:
            raise ValueError("the archive is read-only: expected one SELECT")
        views.choose(self.connection, self._chosen)
        return self.connection.sql(query, params=parameters)


def open_archive(path: str | Path) -> Archive:
    """The archive in a folder. Raises FileNotFoundError when there is no such folder."""
    folder = Path(path)
    if not folder.is_dir():
        raise FileNotFoundError(f"no archive at {str(path)!r}: not a folder")
    return Archive(folder)
