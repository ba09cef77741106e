"""Alerts on the monitor of a fleet: who watches for many daemons must be watched itself."""

from dashboards.rules.alert import Alert, by
from dashboards.rules.promql import known

_FLEET = "attention_sidecar_fleet_"
_DAEMON = {"instance": "instance"}
_UNWATCHED = {"AttentionFleetUnwatched": by("job")}
_LAG = f"sum by (job, instance) ({known(f'{_FLEET}lag_records')})"
_PACE = "sum by (job, instance) (rate(attention_sidecar_samples_received_total[5m]))"


def _in_state(state: str) -> str:
    return known(f'{_FLEET}state{{{_FLEET}state="{state}"}}')


ALERTS = (
    Alert(
        name="AttentionFleetUnwatched",
        severity="warning",
        expr=f"count by (job) ({_in_state('watching')} == 0)"
        f" unless on (job) {_in_state('watching')} == 1",
        wait="5m",
        summary="No monitor of {{ $labels.job }} watches its fleet for drift",
        description=(
            "{{ $value | humanize }} members are there and none watches: they are starting, "
            "away from Kafka, or all in standby. No drift of any daemon is told."
        ),
        dashboard="attention-health",
    ),
    Alert(
        name="AttentionFleetAway",
        severity="warning",
        expr=f"max by (job, instance) ({_in_state('away')}) == 1",
        wait="5m",
        summary="Fleet monitor {{ $labels.instance }} does not reach Kafka",
        description="It cannot watch, nor take over from another member.",
        dashboard="attention-health",
        chosen=_DAEMON,
        explained_by=_UNWATCHED,
    ),
    Alert(
        name="AttentionFleetBehind",
        severity="warning",
        expr=f"{_LAG} > 300 * {_PACE} and {_LAG} > 0",
        wait="10m",
        summary="Fleet monitor {{ $labels.instance }} is behind its topic",
        description=(
            "{{ $value | humanize }} records wait, more than it reads in 5 minutes: "
            "it alarms late, and Kafka may delete records before their turn."
        ),
        dashboard="attention-health",
        chosen=_DAEMON,
        explained_by=_UNWATCHED,
    ),
    Alert(
        name="AttentionFleetRecordsExpired",
        severity="warning",
        expr=f"sum by (job, instance) (increase({_FLEET}expired_records_total[15m])) > 0",
        wait="0s",
        summary="Fleet monitor {{ $labels.instance }} came too late for records",
        description=(
            "Kafka had deleted {{ $value | humanize }} records in 15 minutes before their turn: "
            "they are evidence of nothing."
        ),
        dashboard="attention-health",
        chosen=_DAEMON,
    ),
    Alert(
        name="AttentionFleetCommitsFailing",
        severity="info",
        expr=f"sum by (job, instance) (increase({_FLEET}failed_commits_total[15m])) > 3",
        wait="5m",
        summary="Kafka does not take the offsets of fleet monitor {{ $labels.instance }}",
        description=(
            "{{ $value | humanize }} commits failed in 15 minutes. Its own state has the offsets; "
            "another member would read again what was read since."
        ),
        dashboard="attention-health",
        chosen=_DAEMON,
        explained_by={"AttentionFleetAway": by("job", "instance"), **_UNWATCHED},
    ),
)
