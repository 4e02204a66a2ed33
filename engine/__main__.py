"""``python -m engine``: a story in, a film out."""

import sys

from engine.cli import main

if __name__ == "__main__":
    sys.exit(main())
