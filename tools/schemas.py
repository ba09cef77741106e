"""The Avro schema of samples, made from `sidecar.schema`, in ``docs/schemas``.

``python -m tools.schemas`` writes it; with ``--check`` it only compares.
"""

import json
import sys

from sidecar.daemon.sinks.kafka.avro import avro_schema
from tools.blocks import ROOT

FILE = ROOT / "docs/schemas/attention.samples.avsc"


def text() -> str:
    """What the file should hold."""
    return json.dumps(avro_schema(), indent=2) + "\n"


def main(arguments: list[str]) -> int:
    """Write the file, or with ``--check`` only say that it is stale."""
    if FILE.is_file() and FILE.read_text() == text():
        return 0
    if "--check" in arguments:
        print(f"{FILE}: stale; `make fix` writes it anew", file=sys.stderr)
        return 1
    FILE.parent.mkdir(parents=True, exist_ok=True)
    FILE.write_text(text())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
