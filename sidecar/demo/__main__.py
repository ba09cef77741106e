"""``python -m sidecar.demo`` is ``attention-sidecar demo``."""

import sys

from sidecar.cli import main

if __name__ == "__main__":
    main(["demo", *sys.argv[1:]])
