"""Rows of the health dashboard: the watch for drift, and whether its alerts are told."""

from dashboards import panels as p
from dashboards import queries as q
from dashboards.layout import Row

_OWN = "attention_sidecar_drift_"


def rows() -> tuple[Row, Row, Row]:
    """What is watched and told, what a restart goes on from, and the monitor of a fleet."""
    return _told(), _kept(), _fleet()


def _told() -> Row:
    lost = q.growth(f"{_OWN}lost_alerts_total", "target", "reason")
    pushes = q.growth(f"{_OWN}pushes_total", "address", "outcome")
    return Row(
        title="Drift, where a baseline is set",
        height=6,
        panels=(
            p.timeseries(
                "Requests, by what became of them",
                "Per second. Only those that are watched are evidence.",
                "reqps",
                p.query(q.rate("attention_drift_requests_total", "outcome"), "{{outcome}}"),
            ),
            p.timeseries(
                "Alerts told and lost",
                f"Beginnings, ends, and routes that joined, by target. {q.OVERLAP}",
                "short",
                p.query(q.growth(f"{_OWN}told_alerts_total", "target"), "{{target}}"),
                p.query(lost, "{{target}} lost: {{reason}}"),
                none="no target is known",
            ),
            p.timeseries(
                "Alerts that wait",
                "For a target that cannot take them now.",
                "short",
                p.query(q.total(f"{_OWN}waiting_alerts", "instance"), "{{instance}}"),
            ),
            p.timeseries(
                "Pushes to Alertmanager",
                "Where drift.alertmanager is set. Open alerts are pushed every minute. "
                f"{q.OVERLAP}",
                "short",
                p.query(pushes, "{{address}} {{outcome}}"),
                none="no Alertmanager is known",
            ),
        ),
        widths=(6, 8, 4, 6),
    )


def _kept() -> Row:
    return Row(
        height=6,
        panels=(
            p.timeseries(
                "Requests under way",
                "They may have further samples, so they are no evidence yet.",
                "short",
                p.query(q.total(f"{_OWN}open_requests", "instance"), "{{instance}}"),
            ),
            p.timeseries(
                "State saved, refused, not written",
                f"{q.OVERLAP} Refused: a restart began anew. Not written: the disk took "
                "nothing, and a restart would forget. Begun anew: another member of a group "
                "watched in between.",
                "short",
                p.query(q.growth(f"{_OWN}snapshots_total"), "saved"),
                p.query(q.growth(f"{_OWN}refused_states_total", "reason"), "refused: {{reason}}"),
                p.query(q.growth(f"{_OWN}state_failures_total"), "not written"),
                p.query(q.growth(f"{_OWN}begun_anew_total"), "begun anew"),
                p.query(q.growth(f"{_OWN}torn_bytes_total"), "bytes torn by a crash"),
            ),
            p.timeseries(
                "Requests cut short, clocks corrected",
                "Requests taken to be over for lack of room, and samples whose own clock was not "
                f"believed. {q.OVERLAP}",
                "short",
                p.query(q.growth(f"{_OWN}cut_requests_total"), "cut short"),
                p.query(q.growth(f"{_OWN}clock_corrections_total"), "clock corrected"),
            ),
            p.timeseries(
                "Did the archive say what moved?",
                f"Alerts, by whether the archive explained them. {q.OVERLAP}",
                "short",
                p.query(q.growth(f"{_OWN}explanations_total", "outcome"), "{{outcome}}"),
            ),
        ),
        widths=(4, 8, 6, 6),
    )


def _fleet() -> Row:
    fleet = "attention_sidecar_fleet_"
    return Row(
        title="The monitor of a fleet, where one runs",
        height=6,
        panels=(
            p.timeseries(
                "State of each member",
                "One watches, the others stand by. Away: no broker answers.",
                "short",
                p.query(
                    q.total(f"{fleet}state", "instance", f"{fleet}state"),
                    "{{instance}} {{attention_sidecar_fleet_state}}",
                ),
            ),
            p.timeseries(
                "Records still to be read",
                "Of each partition; a monitor that falls behind alarms late.",
                "short",
                p.query(q.total(f"{fleet}lag_records", "partition"), "partition {{partition}}"),
            ),
            p.timeseries(
                "Begun anew, twice, expired, not committed",
                f"{q.OVERLAP} Expired: Kafka had deleted records before their turn.",
                "short",
                p.query(q.growth(f"{fleet}takeovers_total"), "taken over from another member"),
                p.query(q.growth(f"{fleet}duplicate_samples_total"), "came twice, count once"),
                p.query(q.growth(f"{fleet}expired_records_total"), "expired"),
                p.query(q.growth(f"{fleet}failed_commits_total"), "offsets not committed"),
            ),
        ),
        widths=(8, 8, 8),
    )
