"""Cases of the alerts on the monitor of a fleet."""

from tests.dashboards.cases.case import DAEMON, Case, Series, series

_STATE = "attention_sidecar_fleet_state"
_LAG = "attention_sidecar_fleet_lag_records"
_OTHER = {**DAEMON, "instance": "pod-2:9464"}


def _member(state: str, daemon: dict[str, str] = DAEMON) -> Series:
    found: Series = {}
    for one in ("away", "standby", "watching"):
        found |= series(_STATE, f"{int(one == state)}x30", daemon, {_STATE: one})
    return found


def _grows(name: str, fast: str, slow: str, value: str) -> Case:
    counter = f"attention_sidecar_fleet_{name}_total"
    return Case(
        fires=series(counter, fast, DAEMON),
        silent=series(counter, slow, DAEMON),
        labels=DAEMON,
        value=value,
    )


def _read(values: str) -> Series:
    return series("attention_sidecar_samples_received_total", values, DAEMON)


CASES = {
    "AttentionFleetUnwatched": Case(
        fires=_member("standby") | _member("away", _OTHER),
        silent=_member("standby") | _member("watching", _OTHER),
        labels={"job": "sidecar"},
        value="2",
    ),
    "AttentionFleetAway": Case(
        fires=_member("away") | _member("watching", _OTHER),
        silent=_member("standby") | _member("watching", _OTHER),
        labels=DAEMON,
    ),
    "AttentionFleetBehind": Case(
        fires=_read("0+60x30")
        | series(_LAG, "300x30", DAEMON, partition="0")
        | series(_LAG, "100x30", DAEMON, partition="1"),
        silent=_read("0+60x30") | series(_LAG, "200x30", DAEMON, partition="0"),
        labels=DAEMON,
        value="400",
    ),
    "AttentionFleetRecordsExpired": _grows("expired_records", "0x10 30x20", "30x30", "30"),
    "AttentionFleetCommitsFailing": _grows("failed_commits", "0+1x30", "0x10 2x20", "15"),
}

STOPPED = series(_LAG, "5x30", DAEMON, partition="0")
"""Little waits, and nothing at all is read."""
FURTHER = {
    ("AttentionFleetBehind", "nothing is read"): Case(
        fires=_read("9x30") | STOPPED, labels=DAEMON, value="5"
    ),
}
