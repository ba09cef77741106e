"""Our own objective: of the samples that taps make, 99.9 % reach every sink, over 30 days."""

OBJECTIVE = 0.999
WINDOW = "30d"
_CHOSEN = 'job=~"$job",instance=~"$instance"'

LOST = (
    "attention_tap_dropped_total",
    "attention_sidecar_missing_samples_total",
    "attention_sidecar_malformed_samples_total",
    "attention_sidecar_internal_errors_total",
    "attention_sidecar_dropped_samples_total",
)
"""Counters of lost samples; late ones, which were counted as missing, are taken off."""
MADE, LATE = "attention_tap_samples_total", "attention_sidecar_late_samples_total"


def lost(window: str, by: str = "job, instance", chosen: str = "") -> str:
    """Samples lost within a window, per second. A sample that two sinks lack counts twice."""
    parts = [
        f"({_rate(name, window, by, chosen)} or 0 * {made(window, by, chosen)})" for name in LOST
    ]
    late = f"({_rate(LATE, window, by, chosen)} or 0 * {made(window, by, chosen)})"
    return f"clamp_min({' + '.join(parts)} - {late}, 0)"


def loss_ratio(window: str, by: str = "job, instance", chosen: str = "") -> str:
    """Samples lost by samples made; no value where none was made."""
    return f"{lost(window, by, chosen)} / ({made(window, by, chosen)} > 0)"


def made(window: str, by: str = "job, instance", chosen: str = "") -> str:
    """Samples made within a window, per second."""
    return _rate(MADE, window, by, chosen)


def _rate(name: str, window: str, by: str, chosen: str) -> str:
    return f"sum by ({by}) (rate({name}{{{chosen}}}[{window}]))"


def _recorded(window: str) -> str:
    return f"instance:attention_samples_lost:ratio_rate{window}{{{_CHOSEN}}}"


BUDGET_LEFT = f"min(1 - ({_recorded(WINDOW)} or {_recorded('30m')}) / {1 - OBJECTIVE:.4g})"
"""Of the samples that may be lost, the share that is left; that of the worst daemon. As recorded:
30 days are too much to count at every look. They are recorded by tens of minutes: the last half
hour is all there is of a daemon that is younger."""
