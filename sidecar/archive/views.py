"""SQL views over an archive: ``samples``, ``layers``, ``heads``, ``segments``, ``hours``.

They read nothing until they are queried, and then only the columns that the query touches.
"""

from pathlib import Path
from string import Template

import duckdb
import pyarrow as pa

from sidecar.schema import LAYER_SIGNAL_NAMES, SIGNAL_NAMES

SOURCE = """
CREATE VIEW files AS SELECT * FROM read_parquet(
    getvariable('chosen'), hive_partitioning = true, hive_types = {'date': DATE, 'hour': INTEGER})
"""

OLDER_SOURCE = """
CREATE VIEW files AS SELECT * FROM read_parquet(
    getvariable('chosen'), hive_partitioning = true, hive_types = {'date': DATE, 'hour': INTEGER},
    union_by_name = true)
UNION ALL BY NAME SELECT * FROM all_columns
"""
"""For an archive with files that lack columns; slower, since it opens every file for any query."""

SAMPLES = "CREATE VIEW samples AS SELECT $scalars FROM files"

KEYS = """
    date, hour, time, record_id, request_id, trace_id, engine, model_name, route, tags,
    step, context_length, sampling_rate, forced
"""

LAYERS = """
CREATE VIEW layers AS
SELECT $keys, layer, $measured
FROM (SELECT $keys, unnest(layers) AS layer, $unnested FROM files)
"""

HEADS = """
CREATE VIEW heads AS
SELECT
    $keys,
    layers[i // heads + 1] AS layer,
    (i % heads)::SMALLINT AS head,
    argmax, copied,
    measured(entropy) AS entropy, measured(square_sum) AS square_sum,
    measured(self_weight) AS self_weight, measured(previous_weight) AS previous_weight
FROM (
    SELECT
        $keys, layers, heads, unnest(range(len(entropy))) AS i,
        unnest(argmax) AS argmax, unnest(copied) AS copied,
        unnest(entropy) AS entropy, unnest(square_sum) AS square_sum,
        unnest(self_weight) AS self_weight, unnest(previous_weight) AS previous_weight
    FROM files)
"""

SEGMENTS = """
CREATE VIEW segments AS
SELECT
    $keys,
    layers[i // (heads * len(segment_role)) + 1] AS layer,
    (i // len(segment_role) % heads)::SMALLINT AS head,
    (i % len(segment_role))::INTEGER AS segment,
    segment_role[i % len(segment_role) + 1] AS role,
    nullif(segment_source[i % len(segment_role) + 1], '') AS source,
    segment_start[i % len(segment_role) + 1] AS start_position,
    segment_end[i % len(segment_role) + 1] AS end_position,
    measured(mass) AS mass, measured(peak) AS peak
FROM (
    SELECT
        $keys, layers, heads, segment_role, segment_source, segment_start, segment_end,
        unnest(range(len(mass))) AS i, unnest(mass) AS mass, unnest(peak) AS peak
    FROM files)
"""

HOURS = """
CREATE VIEW hours AS
SELECT date, hour, model_name, route, samples, $percentiles
FROM (
    SELECT date, hour, model_name, route, count(*) AS samples, $quantiles
    FROM files GROUP BY date, hour, model_name, route)
"""

MEASURED = "CREATE MACRO measured(x) AS CASE WHEN isnan(x) THEN NULL ELSE x END"


def connect(
    path: Path, columns: pa.Schema, chosen: list[str], *, current: bool
) -> duckdb.DuckDBPyConnection:
    """A connection that holds views of what is ``chosen`` and can read nothing but the archive.

    ``current`` says that every file has all ``columns``; what one lacks is null. Raises ValueError
    for a path that DuckDB would take for a pattern.
    """
    if set("*?[]{}") & set(str(path)):
        raise ValueError(f"archive path {str(path)!r} must not hold any of * ? [ ] {{ }}")
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute("SET parquet_metadata_cache = true")
    source = SOURCE if current else OLDER_SOURCE
    if not chosen or not current:
        connection.register("all_columns" if chosen else "files", columns.empty_table())
    choose(connection, chosen)
    for statement in _statements(columns, [source] if chosen else []):
        connection.execute(statement)
    _confine(connection, path.absolute())
    return connection


def choose(connection: duckdb.DuckDBPyConnection, chosen: list[str]) -> None:
    """From now on the views are of these files or patterns, but for an archive empty at first."""
    connection.execute("SET VARIABLE chosen = ?", [chosen])


def _confine(connection: duckdb.DuckDBPyConnection, path: Path) -> None:
    connection.execute("SET allowed_directories = [?]", [str(path)])
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")


def _statements(columns: pa.Schema, source: list[str]) -> list[str]:
    names = {
        "keys": KEYS,
        "scalars": ", ".join(_scalars(columns)),
        "measured": ", ".join(f"measured({name}) AS {name}" for name in LAYER_SIGNAL_NAMES),
        "unnested": ", ".join(f"unnest(layer_{name}) AS {name}" for name in LAYER_SIGNAL_NAMES),
        "quantiles": ", ".join(
            f"quantile_cont({name}, [0.1, 0.5, 0.9]) AS {name}" for name in SIGNAL_NAMES
        ),
        "percentiles": ", ".join(
            f"{name}[{place}] AS {name}_{label}"
            for name in SIGNAL_NAMES
            for place, label in enumerate(("p10", "p50", "p90"), 1)
        ),
    }
    views = [*source, MEASURED, SAMPLES, LAYERS, HEADS, SEGMENTS, HOURS]
    return [Template(view).substitute(names) for view in views]


def _scalars(columns: pa.Schema) -> list[str]:
    """Partitions first; columns that hold one value for each layer, head or segment left out."""
    arrays = [
        field.name
        for field in columns
        if pa.types.is_list(field.type) and field.name not in ("layers", "span_failures")
    ]
    rest = [name for name in columns.names if name not in (*arrays, "date", "hour")]
    return ["date", "hour", *rest]
