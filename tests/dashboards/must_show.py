"""Panels that the running demo must fill."""

OVERVIEW = "attention-overview"
MUST_SHOW = {
    OVERVIEW: {
        "Routes in alarm",
        "Routes not watched",
        "Where, and since when",
        "Taps not measuring",
        "Samples measured",
        "Grounding score",
        "Context share",
        "Requests served",
        "Share of requests sampled",
        "Prompt length",
        "Running and waiting",
    },
    "attention-alert": {"State"},
    "attention-route": {"Grounding score", "Context share", "Copy rate", "Entropy ratio"},
    "attention-layers": {"Context share by layer", "Context share by head"},
    "attention-health": {
        "State of each tap",
        "Written",
        "Stored",
        "Daemon: memory",
        "Share of samples lost",
        "Delivery budget left",
    },
}
"""Panels that may not be empty after half a minute of the demo's traffic."""
AFTER = ("Routes in alarm", "Oldest alarm began", "Open alarms")
"""Panels of the overview that say what has broken."""
