"""Bare Debian roots to try this project in, as on a machine where nothing was installed: see README.md."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[1] / folder) for folder in ("", "fleet")]

from roomlib.cli import main  # noqa: E402 - it uses the library of the fleet

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
