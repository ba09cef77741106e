"""For the on-call engineer: what broke, how sure that is, since when, and what moved with it."""

from grafana_foundation_sdk.models.dashboard import VariableOption

from dashboards import beside
from dashboards import panels as p
from dashboards import queries as q
from dashboards.beside import SIGNAL, SIGNAL_LEGEND
from dashboards.layout import Row
from dashboards.overview import DRIFT_COLORS, OPEN, STREAM, STREAM_LEGEND
from dashboards.shared import Definition, choice

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
            *(beside.moved(), beside.shape(), beside.measuring()),
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
                "The worst of all replicas. Grey is unmeasured, which is not fine; dark where "
                "nobody asks. * is the median of all routes.",
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
