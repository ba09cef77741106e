"""PromQL for panels: every series is chosen by the dashboard's variables that its labels allow."""

from dashboards import names

RATE = "$__rate_interval"
OVERLAP = "Within four scrapes or more, so that one event shows in several points."
"""What descriptions say of `growth`: Grafana's interval is wider than the space of points."""
CHOSEN = {"model_name": "model", "route": "route"}
"""Labels that a variable of every dashboard chooses, and that variable."""

DRIFT_STATES = ("nothing_to_watch", "fine", "cooling_down", "unmeasured", "alarm")
"""From good to bad, as a daemon orders those of streams that share their labels."""
_NOTHING_TO_WATCH = "no request.*|only .* routes are measured"
"""Why a member has no state of a stream: nobody asks it, or it stands by; or no median can be."""
TAP_STATES = ("lost", "off", "starting", "blind", "tripped", "active")


def series(name: str, **matchers: str) -> str:
    """A selector: what variables choose, and ``label="value"``, a regex after a leading ``~``.

    After a leading ``!``, what the label must not be, beside what its variable chooses.

    vLLM's series come from another job, so `job` and `instance` choose only our own.

    >>> series("attention_samples_total", route="!*")
    'attention_samples_total{job=~"$job",instance=~"$instance",model_name=~"$model",route=~"$route",route!="*"}'
    """
    labels = names.labels_of(name)
    found = [] if name in names.vllm() else ['job=~"$job"', 'instance=~"$instance"']
    found += [
        f'{label}=~"${variable}"'
        for label, variable in CHOSEN.items()
        if label in labels and matchers.get(label, "!").startswith("!")
    ]
    for label, value in matchers.items():
        operator = {"~": "=~", "!": "!="}.get(value[0], "=")
        found.append(f'{label}{operator}"{value.lstrip("~!")}"')
    return f"{name}{{{','.join(found)}}}"


def latest(name: str, **matchers: str) -> str:
    """The last value of a gauge, also where the last scrape has failed."""
    return f"last_over_time({series(name, **matchers)}[{RATE}])"


def total(name: str, *by: str, **matchers: str) -> str:
    """Sum of a gauge."""
    return f"{_sum(by)}({series(name, **matchers)})"


def rate(name: str, *by: str, **matchers: str) -> str:
    """Growth of a counter per second."""
    return f"{_sum(by)}(rate({series(name, **matchers)}[{RATE}]))"


def growth(name: str, *by: str, **matchers: str) -> str:
    """Growth of a counter in four scrapes, or in a point's width and one where that is more."""
    return f"{_sum(by)}(increase({series(name, **matchers)}[{RATE}]))"


def mean(histogram: str, *by: str, **matchers: str) -> str:
    """Mean of what a histogram has observed; no value where it observed nothing."""
    parts = (rate(f"{histogram}_{part}", *by, **matchers) for part in ("sum", "count"))
    return " / ".join(parts)


def quantile(share: float, histogram: str, *by: str, **matchers: str) -> str:
    """A quantile of what a histogram has observed, interpolated within its buckets."""
    return f"histogram_quantile({share}, {rate(f'{histogram}_bucket', 'le', *by, **matchers)})"


def buckets(histogram: str, **matchers: str) -> str:
    """Observations per second by bucket, for a heatmap."""
    return rate(f"{histogram}_bucket", "le", **matchers)


def of_daemons(function: str, name: str) -> str:
    """A function over what every process publishes, of our daemons alone, by instance."""
    build = latest("attention_sidecar_build_info")
    ours = f"{function}({series(name)}[{RATE}]) and on (job, instance) {build}"
    return f"sum by (instance) ({ours})"


def drift_state(*by: str, **matchers: str) -> str:
    """The place in `DRIFT_STATES` of each stream's state, the worst of all members that watch it.

    A member with nothing to watch says nothing beside another: it stands by, or gets no requests.
    """

    def now(state: str) -> str:
        return latest("attention_drift_state", attention_drift_state=state, **matchers)

    idle = latest("attention_drift_unmeasured", reason=f"~{_NOTHING_TO_WATCH}", **matchers)
    same = "on (job, instance, model_name, route)"
    found = {state: now(state) for state in DRIFT_STATES[1:]}
    found["unmeasured"] = f"({found['unmeasured']} unless {same} {idle})"
    counted = [f"{DRIFT_STATES.index(state)} * {expr}" for state, expr in found.items()]
    worst = " or ".join([*counted, f"0 * {now('unmeasured')}"])
    return f"max by ({', '.join(by)}) ({worst})"


def routes_in(*states: str) -> str:
    """How many routes are in one of some states; 0 of none, and no value without any route."""
    state = drift_state("model_name", "route", route="!*")
    return " + ".join(f"sum({state} == bool {DRIFT_STATES.index(one)})" for one in states)


def tap_state(*by: str) -> str:
    """The place in `TAP_STATES` of each tap's state; of several, the one furthest from active."""
    present = " or ".join(
        f"{number} * ({series('attention_tap_state', attention_tap_state=state)} == 1)"
        for number, state in enumerate(TAP_STATES)
    )
    return f"min by ({', '.join(by)}) ({present})"


def shift_of_open_alerts(*by: str) -> str:
    """How far each signal with an open alert has moved, in deviations, with the alert's labels."""
    since = latest("attention_drift_since_timestamp_seconds")
    shift = latest("attention_drift_shift_deviations")
    same = "job, instance, model_name, route, signal"
    return f"max by ({', '.join(by)}) (0 * {since} + on ({same}) group_left () {shift})"


def closeness(*by: str) -> str:
    """Evidence on the way to the threshold, on a log scale: 0 is none, 1 the alarm."""
    evidence, threshold = series("attention_drift_evidence"), series("attention_drift_threshold")
    gained = f"clamp_min(log10({evidence}), 0)"
    return (
        f"max by ({', '.join(by)}) ({gained} / on (job, instance) group_left () log10({threshold}))"
    )


def _sum(by: tuple[str, ...]) -> str:
    return f"sum by ({', '.join(by)}) " if by else "sum"
