"""Metrics of drift that the daemon does not publish yet; goes when they are in its catalogue."""

_SIGNAL = ("model_name", "route", "signal")

DRIFT = {
    "attention_drift_psi": _SIGNAL,
    "attention_drift_ks": _SIGNAL,
    "attention_drift_wasserstein": _SIGNAL,
}
"""Names as on the page, with their labels."""
