"""docs/archive.md says what the code does, and its examples run."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pyarrow.dataset as ds
import pytest

from sidecar import archive, config, schema
from sidecar.archive import columns
from sidecar.archive.queries import HOURLY_PERCENTILES
from sidecar.archive.reading import PARTITIONS
from tests.archive.samples import batch, ids

TEXT = (Path(__file__).parents[2] / "docs" / "archive.md").read_text()
EXAMPLES = [
    *re.findall(r"```sql\n\s*((?:select|WITH).*?)```", TEXT, re.DOTALL),
    *re.findall(r'attention-sidecar query "(.*?)"', TEXT),
    *re.findall(r'week\.sql\("(.*?)"\)', TEXT),
]


@pytest.fixture
def stored(tmp_path: Path) -> archive.Archive:
    writer = archive.Writer(config.Archive(path=tmp_path))
    writer.append(batch(ids(40)))
    writer.close()
    return archive.open(tmp_path)


def test_every_column_is_documented_as_it_is() -> None:
    documented = [line for line in TEXT.splitlines() if line.startswith("| `")]
    rows = [f"| {' | '.join(row)} |" for row in columns.rows()]
    assert [line for line in documented if line in rows] == rows
    assert {row[0].strip("`") for row in columns.rows()} == {*schema.RECORD.names, "date", "hour"}


def test_there_are_examples() -> None:
    assert len(EXAMPLES) == 5
    assert HOURLY_PERCENTILES.substitute(signal="context_share", route="rag").strip() in TEXT


@pytest.mark.parametrize("query", EXAMPLES)
def test_examples_run(stored: archive.Archive, query: str) -> None:
    assert stored.sql(query).to_arrow_table().num_rows > 0


def test_hourly_percentiles_are_those_of_the_samples(stored: archive.Archive) -> None:
    query = HOURLY_PERCENTILES.substitute(signal="context_share", route="rag")
    (row,) = stored.sql(query).to_arrow_table().to_pylist()
    rag = ds.field("route") == "rag"
    shares = stored.to_pandas(["context_share"], filter=rag)["context_share"].to_numpy()
    exact = np.quantile(shares, [0.1, 0.5, 0.9], method="inverted_cdf")
    np.testing.assert_allclose([row["p10"], row["p50"], row["p90"]], exact, atol=1 / 2048)


def test_other_readers_take_the_folder_as_documented(stored: archive.Archive) -> None:
    plain = ds.dataset(stored.path, partitioning=ds.partitioning(PARTITIONS, flavor="hive"))
    assert plain.count_rows() == 40
    assert len(pd.read_parquet(stored.path, columns=["time", "context_share"])) == 40
    scanned = pl.scan_parquet(f"{stored.path}/date=*/hour=*/*.parquet", hive_partitioning=True)
    assert scanned.select(pl.len()).collect().item() == 40
