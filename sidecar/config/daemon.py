"""Settings of the daemon, and of the sockets between it and the tap."""

import os
import tempfile
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from sidecar.config.fields import Positive, PositiveSeconds, Section

LabelName = Annotated[str, Field(pattern="^[a-zA-Z_][a-zA-Z0-9_]*$")]
SocketAddress = Annotated[str, Field(pattern="^(ipc|tcp)://.+")]


def runtime_dir() -> Path:
    """Folder of the sockets and the token, readable by this user alone."""
    base = os.environ.get("XDG_RUNTIME_DIR") or tempfile.gettempdir()
    return Path(base, f"attention-sidecar-{os.getuid()}")


class Wire(Section):
    """The sockets between tap and daemon: `ipc://` in one pod, `tcp://` on loopback otherwise."""

    samples: SocketAddress = Field(default_factory=lambda: f"ipc://{runtime_dir()}/samples")
    """ZeroMQ address that the daemon binds for samples."""
    control: SocketAddress = Field(default_factory=lambda: f"ipc://{runtime_dir()}/control")
    """ZeroMQ address that the daemon binds to announce sampling settings."""
    high_water_mark: Positive = 64
    """Batches that ZeroMQ holds on either side."""
    remote: bool = False
    """Allow a `tcp://` address that is not loopback. Nothing authenticates who connects."""
    shared: bool = False
    """Take a folder open to every user, and let them connect: for a volume of one pod alone."""


class Http(Section):
    """The daemon's HTTP side: metrics, health, status and the sampling API."""

    host: str = "127.0.0.1"
    """Address to listen on."""
    port: Annotated[int, Field(ge=0, le=65535)] = 9464
    """Port to listen on."""
    token: str | None = None
    """Bearer token for writes; by default one is made and kept in the runtime folder."""


class Heads(Section):
    """Calibrated heads: those that copy from documents, found once for each model revision."""

    calibrations: list[Path] = []
    """Files made by `attention-sidecar heads calibrate`, of any number of models and revisions."""
    other_revisions: bool = False
    """Use a calibration for other revisions of its model too, where they have none."""


class Metrics(Section):
    """The Prometheus page."""

    labels: list[LabelName] = ["route"]
    """Tags that become labels."""
    label_values: Positive = 50
    """Values a label may take; further ones are counted under `other`."""
    per_layer: bool = True
    """Publish one series per layer."""
    per_head: bool = False
    """Publish one series per layer and head."""


class Archive(Section):
    """The Parquet archive."""

    enabled: bool = True
    """Write samples to the archive."""
    path: Path = Path("attention-archive")
    """Folder of the archive."""
    per_head: bool = True
    """Store per-head arrays; without them a sample takes a thirtieth."""
    roll_seconds: PositiveSeconds = 300.0
    """Age at which a file is closed and becomes visible to readers."""
    roll_mb: Positive = 256
    """Uncompressed megabytes at which a file is closed."""


class Daemon(Section):
    """The sidecar process."""

    sink_queue: Positive = 256
    """Batches each sink may have waiting; beyond, the newest is dropped for it and counted."""
    stop_seconds: PositiveSeconds = 10.0
    """Seconds for a clean stop."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """Lowest level that is logged."""
