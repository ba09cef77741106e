"""``python -m dashboards`` writes the generated files; with ``--check`` it only compares."""

import sys

from dashboards.generate import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
