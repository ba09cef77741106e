"""Alerts on signals that can suddenly not be measured, compared with the best day of the last 30.

A day that is as bad as now is no comparison: so a loss that lasts does not become the usual.
"""

from dashboards.rules.alert import Alert
from dashboards.rules.records import MEMORY, NOT_FOUND, UNMEASURED, not_found, unmeasured


def _sudden(now: str, best_day: str, level: float) -> str:
    return f"{now} > {level} and {now} > 2 * min_over_time({best_day}[{MEMORY}])"


ALERTS = (
    Alert(
        name="AttentionContextUnmeasured",
        severity="warning",
        expr=_sudden(unmeasured("15m"), UNMEASURED, 0.5),
        wait="5m",
        summary="Context share of route {{ $labels.route }} can no longer be measured",
        description=(
            "{{ $value | humanizePercentage }} of the samples of {{ $labels.model_name }}, "
            "{{ $labels.route }} lack it, more than twice the share of the best of 30 days."
        ),
        dashboard="attention-route",
        chosen={"model_name": "model", "route": "route"},
    ),
    Alert(
        name="AttentionDocumentsNotFound",
        severity="warning",
        expr=_sudden(not_found("15m"), NOT_FOUND, 0.2),
        wait="5m",
        summary="Documents of {{ $labels.model_name }} are not found in its prompts",
        description=(
            '{{ $value | printf "%.2f" }} documents per sampled request are not found, '
            "more than twice the mean of the best of 30 days."
        ),
        dashboard="attention-route",
        chosen={"model_name": "model"},
    ),
)
