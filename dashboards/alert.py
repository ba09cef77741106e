"""For the on-call engineer: what broke, how sure that is, since when, and what moved with it."""

from grafana_foundation_sdk.models.dashboard import VariableOption

from dashboards import panels as p
from dashboards import queries as q
from dashboards.layout import Row
from dashboards.overview import DRIFT_COLORS, OPEN, STREAM, STREAM_LEGEND
from dashboards.shared import Definition, choice

SIGNAL = (*STREAM, "signal")
SIGNAL_LEGEND = "{{route}} {{signal}}"
PAGING = ("grounding_score", "context_share", "copy_rate", "lookback_ratio")
"""What pages, and what pages without a calibration; chosen at first."""


def definition() -> Definition:
    """The dashboard."""
    signals = choice("signal", "Signal", "attention_drift_residual", "signal")
    signals.current(VariableOption(text=[*PAGING], value=[*PAGING], selected=True))
    return Definition(
        uid="attention-alert",
        title="Attention: alert detail",
        description=(
            "What an alert leads to: the evidence against its threshold, what was measured against "
            "what the baseline expects, what moved, and whether measuring itself changed."
        ),
        variables=(signals,),
        rows=(
            *(_verdict(), _evidence(), _expected(), _residual()),
            *(_moved(), _shape(), _measuring()),
        ),
        span="now-6h",
    )


def _verdict() -> Row:
    since = q.latest("attention_drift_since_timestamp_seconds")
    columns = {name: name for name in ("route", "model_name", "signal", "direction", "kind")}
    return Row(
        title="What broke",
        height=5,
        panels=(
            p.table(
                "Open alerts",
                "Kind `behaviour`: the model attends differently to traffic like the reference. "
                "Kind `traffic`: most requests lie outside what the baseline has seen.",
                columns | {"Value #A": "since", "Value #B": "shift"},
                p.rows(f"max by ({', '.join(OPEN)}) ({since}) * 1000"),
                p.rows(q.shift_of_open_alerts(*OPEN)),
                units={"since": "dateTimeAsIso", "shift": "suffix: sd"},
                none="none is known",
            ),
            p.timeline(
                "State",
                "Grey is unmeasured, which is not fine; * is the median of all routes.",
                DRIFT_COLORS,
                p.query(q.drift_state(*STREAM), STREAM_LEGEND),
            ),
        ),
        widths=(14, 10),
    )


def _evidence() -> Row:
    threshold = q.series("attention_drift_threshold")
    panel = p.timeseries(
        "Evidence and its threshold",
        "The e-process: how strongly the blocks of requests speak against the baseline. "
        "Noise alone reaches the threshold once in 10 million requests of a stream, on average, "
        "while the baseline holds.",
        "short",
        p.query(
            f"max by (model_name, route) ({q.series('attention_drift_evidence')})", STREAM_LEGEND
        ),
        p.query(f"max({threshold})", "threshold"),
    )
    return Row(height=8, panels=(p.dashed(p.logarithmic(panel), "/^threshold$/"),))


def _expected() -> Row:
    panels = []
    for signal, title in (
        ("grounding_score", "Grounding score"),
        ("context_share", "Context share"),
    ):
        residual = q.series("attention_drift_residual", signal=signal)
        expected = q.series("attention_drift_expected", signal=signal)
        panel = p.timeseries(
            f"{title}, measured and expected",
            "Measured: expected plus residual. Dashed: what the baseline says of this traffic's "
            "lengths, documents and hour.",
            "percentunit",
            p.query(f"avg by ({', '.join(STREAM)}) ({residual} + {expected})", STREAM_LEGEND),
            p.query(f"avg by ({', '.join(STREAM)}) ({expected})", f"{STREAM_LEGEND} expected"),
        )
        panels.append(p.dashed(panel, "/expected$/"))
    return Row(title="Residual against raw", height=8, panels=tuple(panels))


def _residual() -> Row:
    residual = q.series("attention_drift_residual", signal="~$signal")
    panel = p.timeseries(
        "Residual of the chosen signals",
        "What the baseline leaves unexplained. If this moved, it is no matter of longer prompts.",
        "percentunit",
        p.query(f"avg by ({', '.join(SIGNAL)}) ({residual})", SIGNAL_LEGEND),
    )
    return Row(height=8, panels=(panel,))


def _moved() -> Row:
    residual, expected = q.latest("attention_drift_residual"), q.latest("attention_drift_expected")
    ranked = f"avg by ({', '.join(SIGNAL)}) ({residual} / {expected})"
    return Row(
        title="What moved and what did not",
        height=8,
        panels=(
            p.bars(
                "Residual by signal, of what is expected",
                "Of about the last 100 requests; below 0 is a drop. All signals, whether chosen "
                "above or not.",
                "percentunit",
                p.instant(f"sort({ranked})", SIGNAL_LEGEND),
            ),
            p.timeseries(
                "Prompt length",
                "Mean tokens of a prompt, as vLLM counts them. Attention moves with length alone.",
                "short",
                p.query(q.mean("vllm:request_prompt_tokens", "model_name"), "{{model_name}}"),
            ),
            p.timeseries(
                "Requests that drift has taken, by outcome",
                "Per second.",
                "reqps",
                p.query(q.rate("attention_drift_requests_total", "outcome"), "{{outcome}}"),
            ),
        ),
    )


def _shape() -> Row:
    return Row(
        title="Shape of the distribution, for people: these never alarm",
        height=7,
        panels=tuple(
            p.timeseries(
                title,
                f"{meaning} Against the baseline's distribution.",
                "short",
                p.query(
                    f"max by ({', '.join(SIGNAL)}) ({q.series(name, signal='~$signal')})",
                    SIGNAL_LEGEND,
                ),
            )
            for name, title, meaning in (
                ("attention_drift_psi", "PSI", "Population stability index."),
                ("attention_drift_ks", "Kolmogorov–Smirnov", "Largest gap of the distributions."),
                ("attention_drift_wasserstein", "Wasserstein", "How far mass was moved."),
            )
        ),
    )


def _measuring() -> Row:
    samples = q.rate("attention_samples_total", "route")
    unmeasured = q.rate("attention_unmeasured_total", "route", signal="context_share")
    return Row(
        title="Did measuring itself change?",
        height=7,
        panels=(
            p.timeseries(
                "Samples",
                "With signals, per second.",
                "cps",
                p.query(samples, "{{route}}"),
            ),
            p.timeseries(
                "Share without a context share",
                "Samples of which the documents' share could not be measured.",
                "percentunit",
                p.query(f"{unmeasured} / {samples}", "{{route}}"),
            ),
            p.timeseries(
                "Why a stream is unmeasured",
                "1 while it is, by reason.",
                "short",
                p.query(
                    f"max by (route, reason) ({q.series('attention_drift_unmeasured')})",
                    "{{route}}: {{reason}}",
                ),
            ),
            p.timeseries(
                "Engines restarted",
                "Engine processes that took the place of another: a deploy shows here.",
                "short",
                p.query(
                    q.growth("attention_sidecar_engine_restarts_total", "engine"), "{{engine}}"
                ),
            ),
        ),
    )
