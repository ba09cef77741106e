"""Rows of the health dashboard: what each tap does, and what comes of it."""

from dashboards import panels as p
from dashboards import queries as q
from dashboards.layout import Row

TAP = ("model_name", "engine", "rank")
TAP_LEGEND = "{{model_name}} {{engine}}/{{rank}}"
TAP_COLORS = {
    "lost": p.PURPLE,
    "off": p.GREY,
    "starting": p.YELLOW,
    "blind": p.RED,
    "tripped": p.ORANGE,
    "active": p.GREEN,
}


def rows() -> tuple[Row, Row]:
    """States and errors, and what comes of requests and samples."""
    return _states(), _what_came()


def _states() -> Row:
    configured = q.total("attention_tap_sampling_rate", *TAP)
    effective = q.total("attention_tap_effective_sampling_rate", *TAP)
    return Row(
        title="Taps",
        height=7,
        panels=(
            p.timeline(
                "State of each tap",
                "Blind: samples do not come through. Tripped: it switched itself off after errors. "
                "Lost: no report for 10 s; a stopped engine's tap is forgotten after an hour.",
                TAP_COLORS,
                p.query(q.tap_state(*TAP), TAP_LEGEND),
            ),
            p.timeseries(
                "Share of requests sampled",
                "Configured, and what the budget of time leaves of it.",
                "percentunit",
                p.query(effective, f"{TAP_LEGEND} effective"),
                p.query(configured, f"{TAP_LEGEND} configured"),
            ),
            p.timeseries(
                "Exceptions caught in the tap, by type",
                "Per second. Serving goes on; after a few in a row the tap switches itself off.",
                "cps",
                p.query(q.rate("attention_tap_errors_total", "type"), "{{type}}"),
                none="none is known",
            ),
        ),
        widths=(10, 7, 7),
    )


def _what_came() -> Row:
    served = q.rate("vllm:request_success_total", "model_name")
    seen = (
        f"max by (model_name, engine) (rate({q.series('attention_tap_requests_total')}[{q.RATE}]))"
    )
    return Row(
        height=6,
        panels=(
            p.timeseries(
                "Requests, and the samples of them",
                "Per second: requests that vLLM has served, those that reached a tap, and samples.",
                "cps",
                p.query(served, "{{model_name}} served"),
                p.query(f"sum by (model_name) ({seen})", "{{model_name}} at the tap"),
                p.query(q.rate("attention_samples_total", "model_name"), "{{model_name}} samples"),
            ),
            p.timeseries(
                "Samples that no calibration fits, by what differs",
                "Per second. They lack the grounding score; the alarm falls back to weaker "
                "signals. Counted while heads.calibrations names a file.",
                "cps",
                p.query(
                    q.rate("attention_sidecar_uncalibrated_samples_total", "reason"), "{{reason}}"
                ),
                none="no calibration is known",
            ),
            p.timeseries(
                "Reports of two engines under the same labels",
                f"They hide each other; give each its own engine.label. {q.OVERLAP}",
                "short",
                p.query(q.growth("attention_tap_label_conflicts_total", *TAP), TAP_LEGEND),
            ),
        ),
    )
