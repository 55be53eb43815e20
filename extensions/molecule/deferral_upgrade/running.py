"""Print what each unit runs: main process, its program, and which of its processes run deleted programs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path


def programs(group: Path) -> list[str]:
    """Name the programs that the processes of a control group run."""
    pids = [pid for file in group.rglob("cgroup.procs") for pid in file.read_text().split()]
    return [os.readlink(f"/proc/{pid}/exe") for pid in pids]


def running(unit: str) -> dict[str, object]:
    """Tell what a unit runs."""
    keys = ("ActiveState", "ControlGroup", "InvocationID", "MainPID")
    command = ["systemctl", "show", *(f"--property={key}" for key in keys), "--", unit]
    shown = dict(line.split("=", 1) for line in subprocess.check_output(command, text=True).split())
    main = os.stat(f"/proc/{shown['MainPID']}/exe")
    found = programs(Path("/sys/fs/cgroup") / shown.pop("ControlGroup").lstrip("/"))
    if not found:
        raise SystemExit(f"{unit} has no processes")
    return {
        "same": {**shown, "program": f"{main.st_dev}:{main.st_ino}"},
        "deleted": sorted({path for path in found if path.endswith(" (deleted)")}),
    }


if __name__ == "__main__":
    print(json.dumps({unit: running(unit) for unit in sys.argv[1:]}))
