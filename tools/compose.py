"""The parts of `deploy/compose` that the rest of the project decides.

``python -m tools.compose`` writes them; with ``--check`` it only compares.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

from sidecar import config
from sidecar.daemon.sinks.kafka.topics import commands
from tools.blocks import ROOT
from tools.generated import keep

FOLDER = ROOT / "deploy/compose"
INHIBITION = ROOT / "dashboards/generated/alertmanager/inhibit-rules.yaml"
_TOPICS = """\
#!/bin/sh
# Makes the topics; what `attention-sidecar kafka topics` prints, written by `make fix`.
set -eu
PATH=$PATH:/opt/kafka/bin
"""
PARTITIONS, REPLICAS = 3, 1


def topics() -> str:
    """The script that makes the topics of the daemon's settings."""
    kafka = config.load(file=FOLDER / "attention.toml").kafka
    return _TOPICS + "".join(f"{line}\n" for line in commands(kafka, PARTITIONS, REPLICAS))


def alertmanager() -> str:
    """Alertmanager's settings, whose last part is the project's inhibition."""
    own, _, _ = (FOLDER / "alertmanager/alertmanager.yaml").read_text().partition("inhibit_rules:")
    return own + INHIBITION.read_text()


def files() -> Iterator[tuple[Path, str]]:
    """Every such file with what it should hold."""
    yield FOLDER / "kafka/topics.sh", topics()
    yield FOLDER / "alertmanager/alertmanager.yaml", alertmanager()


def main(arguments: list[str]) -> int:
    """Write the files, or with ``--check`` only name those that are stale."""
    return keep(files(), arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
