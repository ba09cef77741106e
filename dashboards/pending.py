"""Metrics of drift that the daemon does not publish yet; goes when they are in its catalogue."""

_STREAM = ("model_name", "route")
_SIGNAL = (*_STREAM, "signal")

DRIFT = {
    "attention_drift_state": (*_STREAM, "attention_drift_state"),
    "attention_drift_unmeasured": (*_STREAM, "reason"),
    "attention_drift_evidence": _STREAM,
    "attention_drift_threshold": (),
    "attention_drift_expected": _SIGNAL,
    "attention_drift_residual": _SIGNAL,
    "attention_drift_shift_deviations": _SIGNAL,
    "attention_drift_since_timestamp_seconds": (*_SIGNAL, "direction", "kind"),
    "attention_drift_alerts_total": (*_STREAM, "kind", "direction"),
    "attention_drift_requests_total": ("outcome",),
    "attention_drift_psi": _SIGNAL,
    "attention_drift_ks": _SIGNAL,
    "attention_drift_wasserstein": _SIGNAL,
}
"""Names as on the page, with their labels."""
