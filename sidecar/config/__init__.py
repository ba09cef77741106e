"""One settings tree for tap and daemon, from flags, environment and a TOML file, in that order.

``ATTENTION_SAMPLING__RATE=0.2`` sets ``sampling.rate``; ``ATTENTION_CONFIG`` names the file.
"""

from sidecar.config.daemon import Archive, Daemon, Heads, Http, Metrics, Wire, runtime_dir
from sidecar.config.drift import Drift
from sidecar.config.engine import Engine, Sampling
from sidecar.config.kafka import Kafka
from sidecar.config.otel import Otel
from sidecar.config.settings import Settings, load, names
from sidecar.sources import SettingsError

__all__ = [
    "Archive",
    "Daemon",
    "Drift",
    "Engine",
    "Heads",
    "Http",
    "Kafka",
    "Metrics",
    "Otel",
    "Sampling",
    "Settings",
    "SettingsError",
    "Wire",
    "load",
    "names",
    "runtime_dir",
]
