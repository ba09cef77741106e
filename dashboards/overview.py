"""For the SRE: is anything ungrounded right now, where, since when; what is left of the budget."""

from dashboards import panels as p
from dashboards import queries as q
from dashboards.delivery import BUDGET_LEFT
from dashboards.layout import Row
from dashboards.shared import Definition

STREAM = ("model_name", "route")
STREAM_LEGEND = "{{model_name}} {{route}}"
DRIFT_COLORS = dict(zip(q.DRIFT_STATES, (p.DARK, p.GREEN, p.YELLOW, p.GREY, p.RED), strict=True))
OPEN = (*STREAM, "signal", "direction", "kind")
DETAIL = (
    "/d/attention-alert?${datasource:queryparam}&${__url_time_range}"
    "&var-model=${__data.fields.model_name:percentencode}"
    "&var-route=${__data.fields.route:percentencode}"
    "&var-signal=${__data.fields.signal:percentencode}"
)


def definition() -> Definition:
    """The dashboard."""
    return Definition(
        uid="attention-overview",
        title="Attention: grounding overview",
        description=(
            "Is anything ungrounded right now, where, and since when. "
            "Attention is evidence, not an explanation."
        ),
        rows=(_now(), _where(), _open_alerts(), _measured(), _traffic()),
    )


def _now() -> Row:
    since = q.latest("attention_drift_since_timestamp_seconds")
    broken = q.latest("attention_tap_state", attention_tap_state="~blind|tripped|lost|off")
    return Row(
        title="Right now",
        height=4,
        panels=(
            p.stat(
                "Routes in alarm",
                "Routes whose attention differs from the baseline. What several show is one alert.",
                "short",
                q.routes_in("alarm"),
                {1: p.RED},
            ),
            p.stat(
                "Oldest alarm began",
                "Estimated moment of the change, not of the alert.",
                "dateTimeFromNow",
                f"min({since}) * 1000",
                {},
                base=p.RED,
                none="none is known",
            ),
            p.stat(
                "Routes not watched",
                "Routes that are unmeasured, at one replica at least: no baseline, too few "
                "requests, or no signal; and those that nobody asks. They are not known to be "
                "fine.",
                "short",
                q.routes_in("unmeasured", "nothing_to_watch"),
                {1: p.ORANGE},
            ),
            p.stat(
                "Taps not measuring",
                "Taps that are blind, tripped, switched off, or have not reported for 10 s.",
                "short",
                f"sum({broken})",
                {1: p.RED},
            ),
            p.stat(
                "Delivery budget left",
                "Of the samples that may be lost in 30 days (0.1 %), the share that is left.",
                "percentunit",
                BUDGET_LEFT,
                {0: p.ORANGE, 0.25: p.GREEN},
                base=p.RED,
            ),
            p.stat(
                "Samples measured",
                "Samples with signals, per second.",
                "cps",
                q.rate("attention_samples_total"),
                {1e-9: p.GREEN},
                base=p.ORANGE,
            ),
        ),
    )


def _where() -> Row:
    return Row(
        height=7,
        panels=(
            p.timeline(
                "Where, and since when",
                "State of each stream, the worst of its replicas. Grey is unmeasured, which is "
                "not fine; dark where nobody asks. * is the median of all routes of a model.",
                DRIFT_COLORS,
                p.query(q.drift_state(*STREAM), STREAM_LEGEND),
            ),
        ),
    )


def _open_alerts() -> Row:
    since = q.latest("attention_drift_since_timestamp_seconds")
    columns = {
        "route": "route",
        "model_name": "model_name",
        "signal": "signal",
        "direction": "direction",
        "Value #B": "shift",
        "Value #A": "since",
        "kind": "kind",
    }
    table = p.table(
        "Open alarms",
        "One line for each open alert. Shift is in standard deviations of a reference request; "
        "kind says whether behaviour or the traffic changed. A route leads to the detail.",
        columns,
        p.rows(f"max by ({', '.join(OPEN)}) ({since}) * 1000"),
        p.rows(q.shift_of_open_alerts(*OPEN)),
        units={"since": "dateTimeAsIso", "shift": "suffix: sd"},
        none="none is known",
    )
    nearness = p.timeseries(
        "How near to an alarm",
        "Evidence against the baseline on the way to the threshold, on a logarithmic scale: "
        "1 is the alarm.",
        "percentunit",
        p.query(q.closeness(*STREAM), STREAM_LEGEND),
        limit=1,
    )
    linked = p.linked(table, "route", "Alert detail", DETAIL)
    return Row(height=7, panels=(linked, nearness), widths=(14, 10))


def _measured() -> Row:
    expected = q.series("attention_drift_expected", signal="grounding_score")
    score = p.timeseries(
        "Grounding score",
        "Mean over samples of calibrated heads' context share and copying. Dashed: what the "
        "baseline expects of this traffic. Compare a route with itself, not with others.",
        "percentunit",
        p.query(q.mean("attention_grounding_score", *STREAM), STREAM_LEGEND),
        p.query(f"avg by (model_name, route) ({expected})", f"{STREAM_LEGEND} expected"),
    )
    share = p.timeseries(
        "Context share",
        "Mean mass on retrieved documents by mass outside the first 4 tokens, over all heads.",
        "percentunit",
        p.query(q.mean("attention_context_share", *STREAM), STREAM_LEGEND),
    )
    return Row(title="What was measured", height=8, panels=(p.dashed(score, "/expected$/"), share))


def _traffic() -> Row:
    served = q.rate("vllm:request_success_total", "model_name", "engine")
    sampled = q.rate("attention_tap_requests_sampled_total", "model_name", "engine")
    running = q.total("vllm:num_requests_running", "model_name")
    waiting = q.total("vllm:num_requests_waiting", "model_name")
    return Row(
        title="Traffic beside it, as vLLM counts it",
        height=6,
        panels=(
            p.timeseries(
                "Requests served",
                "Finished requests per second.",
                "reqps",
                p.query(q.rate("vllm:request_success_total", "model_name"), "{{model_name}}"),
            ),
            p.timeseries(
                "Share of requests sampled",
                "Requests that the tap sampled by requests that vLLM served, by model and engine. "
                "The tap counts a request at its start and vLLM at its end: more than 100 % is "
                "traffic that grows.",
                "percentunit",
                p.query(f"{sampled} / {served}", "{{model_name}} engine {{engine}}"),
            ),
            p.timeseries(
                "Prompt length",
                "Mean tokens of a prompt. Attention moves with length alone.",
                "short",
                p.query(q.mean("vllm:request_prompt_tokens", "model_name"), "{{model_name}}"),
            ),
            p.timeseries(
                "Running and waiting",
                "Requests in vLLM.",
                "short",
                p.query(running, "{{model_name}} running"),
                p.query(waiting, "{{model_name}} waiting"),
            ),
        ),
    )
