"""Recording rules: the delivery objective over the windows that burn rates want, and what holds on.

Windows of a day and more are made of what the short ones recorded: of half hours, each ten minutes.
"""

from dashboards.delivery import WINDOW, loss_ratio, lost, made
from dashboards.rules.alert import Record
from dashboards.rules.promql import known

SECONDS = {"1h": 3600, "6h": 21600, "1d": 86400, "3d": 259200, WINDOW: 2592000}
SHORT, LONG = ("5m", "30m", "1h", "2h", "6h"), ("1d", "3d", WINDOW)
MEMORY = WINDOW
"""How long it is known what was there, and how it was."""
FEWEST = 30
"""Samples or requests of a day; the share of fewer is nothing to compare with."""
DAEMON = "instance:attention_sidecar:present"
RATE = "instance:attention_tap_sampling_rate:max"
UNMEASURED = "route:attention_context_unmeasured:ratio_rate1d"
NOT_FOUND = "model:attention_documents_not_found:ratio_rate1d"
_LOST, _MADE = "instance:attention_samples_lost:rate30m", "instance:attention_samples_made:rate30m"
_PRESENT, _EFFECTIVE = "attention_sidecar_build_info", "attention_tap_effective_sampling_rate"
_STEPS, _STEP_SECONDS = "10m", 600
_LOOK = "1h"
"""Who does not record looks at the day before each full hour; before the first there is no past."""


def ratio(window: str) -> str:
    """Name of the share of samples lost within a window, by daemon."""
    return f"instance:attention_samples_lost:ratio_rate{window}"


def count(window: str) -> str:
    """Name of the number of samples lost within a window, by daemon."""
    return f"instance:attention_samples_lost:increase{window}"


def unmeasured(window: str) -> str:
    """Share of a route's samples that lack the context share."""
    lacking = f'increase(attention_unmeasured_total{{signal="context_share"}}[{window}])'
    return f"sum by (model_name, route) ({lacking}) / {_samples(window)}"


def not_found(window: str) -> str:
    """Documents of each sampled request that are not found."""
    failures = f"increase(attention_tap_span_failures_total[{window}])"
    return f"sum by (model_name) ({failures}) / ({_requests(window)} > 0)"


def groups() -> dict[str, tuple[str, list[Record]]]:
    """The interval and the rules of each group."""
    return {"attention-records": ("30s", _short()), "attention-records-long": ("2m", _long())}


def records() -> list[Record]:
    """All recording rules."""
    return [record for _, some in groups().values() for record in some]


def expanded(expr: str) -> str:
    """An expression without recorded series, for who does not record."""
    for record in records():
        plain = f"({record.plain or record.expr})"
        if record.known:
            expr = expr.replace(f"last_over_time({record.name}[{MEMORY}])", f"({record.known})")
        expr = expr.replace(f"{record.name}[{MEMORY}]", f"{plain}[{MEMORY}:{_LOOK}]")
        expr = expr.replace(f"{record.name} ", f"{plain} ")
    return expr


def _short() -> list[Record]:
    shares = [Record(ratio(window), loss_ratio(window)) for window in SHORT]
    counts = [_counted(window, "") for window in ("1h", "6h")]
    return [*shares, *counts, Record(_LOST, lost("30m")), Record(_MADE, made("30m"))]


def _long() -> list[Record]:
    found = []
    for window in LONG:
        lost_then, made_then = (
            f"sum_over_time({one}[{window}:{_STEPS}])" for one in (_LOST, _MADE)
        )
        share = f"{lost_then} / ({made_then} > 0)"
        found.append(Record(ratio(window), share, loss_ratio(window)))
        found.append(_counted(window, f"{_STEP_SECONDS} * {lost_then}"))
    return [
        *found,
        Record(DAEMON, _daemons(_PRESENT), known=_daemons(_last(_PRESENT))),
        Record(RATE, _rates(known(_EFFECTIVE)), known=_rates(_last(_EFFECTIVE))),
        Record(UNMEASURED, f"{unmeasured('1d')} and {_samples('1d')} >= {FEWEST}"),
        Record(NOT_FOUND, f"{not_found('1d')} and {_requests('1d')} >= {FEWEST}"),
    ]


def _counted(window: str, recorded: str) -> Record:
    plain = f"{SECONDS[window]} * {lost(window)}"
    return Record(count(window), recorded or plain, plain)


def _samples(window: str) -> str:
    return f"sum by (model_name, route) (increase(attention_samples_total[{window}]))"


def _requests(window: str) -> str:
    return f"sum by (model_name) (increase(attention_tap_requests_sampled_total[{window}]))"


def _daemons(series: str) -> str:
    return f"group by (job, instance) ({series})"


def _rates(series: str) -> str:
    return f"max by (job, instance, model_name) ({series})"


def _last(series: str) -> str:
    return f"last_over_time({series}[{MEMORY}])"
