"""Rows of the alert's dashboard that stand beside it: what else moved, and how it was measured."""

from dashboards import panels as p
from dashboards import queries as q
from dashboards.layout import Row
from dashboards.overview import STREAM

SIGNAL = (*STREAM, "signal")
SIGNAL_LEGEND = "{{route}} {{signal}}"


def moved() -> Row:
    """Which signals moved, and what may have moved them."""
    residual, expected = q.latest("attention_drift_residual"), q.latest("attention_drift_expected")
    ranked = f"avg by ({', '.join(SIGNAL)}) ({residual} / ({expected} != 0))"
    return Row(
        title="What moved and what did not",
        height=8,
        panels=(
            p.bars(
                "Residual by signal, of what is expected",
                "Of about the last 100 requests; below 0 is a drop. All signals of which "
                "anything is expected, whether chosen above or not.",
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


def shape() -> Row:
    """Distributions against those of the baseline."""
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


def measuring() -> Row:
    """Whether samples, signals or engines came or went."""
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
                "1 while it is, by replica and reason.",
                "short",
                p.query(
                    f"max by (route, instance, reason) ({q.series('attention_drift_unmeasured')})",
                    "{{route}} {{instance}}: {{reason}}",
                ),
                none="none is known",
            ),
            p.timeseries(
                "Engines restarted",
                "Engine processes that took the place of another: a deploy shows here. "
                f"{q.OVERLAP}",
                "short",
                p.query(
                    q.growth("attention_sidecar_engine_restarts_total", "engine"), "{{engine}}"
                ),
            ),
        ),
    )
