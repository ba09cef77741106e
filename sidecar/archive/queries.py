"""Queries worth keeping: run as they are with `attention-sidecar query` or `Archive.sql`."""

from string import Template

HOURLY_PERCENTILES = Template("""
WITH counts AS (
    SELECT date, hour, round($signal * 1024)::USMALLINT AS bin, count(*) AS n
    FROM samples WHERE route = '$route' GROUP BY ALL
), running AS (
    SELECT date, hour, bin,
        sum(n) OVER (PARTITION BY date, hour ORDER BY bin) / sum(n) OVER (PARTITION BY date, hour)
            AS share
    FROM counts WHERE bin IS NOT NULL
)
SELECT date, hour,
    min(bin) FILTER (share >= 0.1) / 1024 AS p10,
    min(bin) FILTER (share >= 0.5) / 1024 AS p50,
    min(bin) FILTER (share >= 0.9) / 1024 AS p90
FROM running GROUP BY ALL ORDER BY ALL
""")
"""Percentiles of one signal of one route by hour, within 1/2048: it counts samples in 1,025 bins,
in one pass and without keeping their values. ``$route`` must not hold a quote."""
