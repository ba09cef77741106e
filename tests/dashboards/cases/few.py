"""Little traffic, few losses, series that begin late, and one replica of several."""

from tests.dashboards.cases.case import DAEMON, MODEL, STREAM, TAP, Case, Series, series

_SECOND = {"instance": "pod-2:9464"}


def _tap(requests: str, daemon: dict[str, str] = DAEMON) -> Series:
    tap = TAP | daemon
    return (
        series("attention_tap_requests_total", requests, tap)
        | series("attention_tap_effective_sampling_rate", "0.1x600", tap)
        | series("attention_tap_sampling_rate", "0.1x600", tap)
    )


def _samples(values: str, daemon: dict[str, str] = DAEMON) -> Series:
    return series("attention_samples_total", values, STREAM | daemon)


def _lost(made: str, dropped: str) -> Series:
    return series("attention_tap_samples_total", made, TAP) | series(
        "attention_tap_dropped_total", dropped, TAP, reason="queue_full"
    )


_NOW_AND_THEN = _tap("0+1x600") | _samples(" ".join(f"{3 * n}x19" for n in range(30)))
"""A request each minute, of which one in twenty minutes is sampled."""
_FIRST_MINUTE = {"4m": _lost("0 95x120", "0 3x120"), "75m": _lost("0+10x120", "0 3x120")}
_ENDED = _tap("0+1x600") | _samples("7x600")

FURTHER = {
    **{
        ("AttentionNoSamples", f"low traffic, after {at}"): Case(silent=_NOW_AND_THEN, at=at)
        for at in ("39m", "59m", "90m", "150m", "8h")
    },
    ("AttentionNoSamples", "low traffic, and none in 6 h"): Case(
        _ENDED, labels={**DAEMON, **MODEL}, at="8h", value="36"
    ),
    ("AttentionNoSamples", "series that begin with their first samples"): Case(
        silent=_tap("0+20x120") | _samples("_x55 400x60"), at="60m"
    ),
    ("AttentionNoSamples", "one replica of two"): Case(
        _tap("0+20x120")
        | _samples("0+10x30 300x90")
        | _tap("0+20x120", _SECOND)
        | _samples("0+10x120", _SECOND),
        labels={**DAEMON, **MODEL},
        at="60m",
        value="20",
    ),
    ("AttentionTapMissing", "a model that never had a tap"): Case(
        silent=series(
            "vllm:request_success_total", "0+100x90", MODEL, engine="0", finished_reason="stop"
        ),
        at="60m",
    ),
    **{
        (name, f"three losses in the first minute, after {at}"): Case(silent=given, at=at)
        for name in (
            "AttentionDeliveryBurnsFast",
            "AttentionDeliveryBurnsSlowly",
            "AttentionDeliveryBudgetSpent",
        )
        for at, given in _FIRST_MINUTE.items()
    },
    ("AttentionDeliveryBurnsFast", "300 samples lost at once"): Case(
        _lost("0+1000x30", "0x10 300x20"), labels=DAEMON, at="14m", value="2.143%"
    ),
    ("AttentionMalformed", "one message"): Case(
        series("attention_sidecar_malformed_messages_total", "0x10 1x20", DAEMON, reason="arrow"),
        labels={**DAEMON, "reason": "arrow"},
        value="1",
    ),
    ("AttentionTapErrors", "three of a type that is new"): Case(
        series("attention_tap_errors_total", "_x10 3x20", TAP, type="KeyError"),
        labels={**MODEL, "type": "KeyError"},
        at="12m",
        value="3",
    ),
    ("AttentionTapErrors", "an old error, and a failed scrape ten minutes ago"): Case(
        silent=series("attention_tap_errors_total", "3x9 stale 3x30", TAP, type="KeyError"),
        at="20m",
    ),
}
