"""Real systemd hosts in containers on this machine: see README.md beside this file."""

from __future__ import annotations

import sys

from fleetlib.cli import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
