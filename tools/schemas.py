"""The Avro schema of samples, made from `sidecar.schema`, in ``docs/schemas``.

``python -m tools.schemas`` writes it; with ``--check`` it only compares.
"""

import json
import sys

from sidecar.daemon.sinks.kafka.avro import avro_schema
from tools.blocks import ROOT
from tools.generated import keep

FILE = ROOT / "docs/schemas/attention.samples.avsc"


def text() -> str:
    """What the file should hold."""
    return json.dumps(avro_schema(), indent=2) + "\n"


def main(arguments: list[str]) -> int:
    """Write the file, or with ``--check`` only say that it is stale."""
    return keep([(FILE, text())], arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
