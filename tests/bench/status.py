"""Measure reading and settling deferred restarts on a real host: round trips and seconds for 1, 20 and 200 units.

Round trips are counted in what Ansible says it sends over ssh. Beside the time that restarting takes stands that of
``systemctl restart`` for one unit after the other on the host itself. Every figure is a median. Run as
``tests/env python tests/bench/status.py [RUNS]``; it starts a host in the fleet ``bench`` and removes it.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

FLEET = Path(__file__).resolve().parent.parent / "fleet/fleet"
HOST = "bench1"
COUNTS = (1, 20, 200)
UNIT = "[Unit]\nStartLimitIntervalSec=0\n[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/true\n"

# Leaves a record for each of the first $1 units, as the script for packages does.
DEFER = """\
mkdir -p /var/lib/policy-rc.d
boot=$(cat /proc/sys/kernel/random/boot_id)
for number in $(seq "$1"); do
    unit=bench@$number.service
    systemctl start "$unit"
    cat >/var/lib/policy-rc.d/bench-$unit.deferred <<END
action: restart
actions: [restart]
boot_id: $boot
invocation_id: $(systemctl show --property=InvocationID --value "$unit")
package: coreutils
policy_requestor_name: bench
policy_requestor_type: other
reason: Package update
service: $unit
timestamp: 1700000000
unit: $unit
END
done
"""
PLAIN = 'for number in $(seq "$1"); do systemctl restart "bench@$number.service"; done'


@dataclass(frozen=True)
class Cost:
    """What one call of a module costs."""

    trips: int
    seconds: float


def fleet(*arguments: str, text: str = "") -> str:
    """Run the fleet's tool."""
    command = [str(FLEET), "--fleet", "bench", *arguments]
    done = subprocess.run(command, check=False, stdout=subprocess.PIPE, input=text, text=True)
    if done.returncode:
        sys.exit(f"fleet {arguments[0]} failed, see above")
    return done.stdout


def on_host(script: str, count: int = 0) -> None:
    """Run a shell script on the host."""
    fleet("exec", HOST, "--", "sh", "-c", script, "bench", str(count))


def call(inventory: str, module: str, options: str = "") -> Cost:
    """Run a module over ssh, and count how often Ansible goes there."""
    command = ["ansible", "-i", inventory, HOST, "-vvv", "-m", f"orderly.services.{module}", "-a", options]
    begin = time.monotonic()
    done = subprocess.run(
        command, check=False, capture_output=True, text=True, env={**os.environ, "ANSIBLE_PIPELINING": "true"}
    )
    seconds = time.monotonic() - begin
    if done.returncode:
        raise SystemExit(done.stdout[-2000:] + done.stderr[-2000:])
    return Cost(done.stdout.count("SSH: EXEC"), seconds)


def timed(act: Callable[[], None]) -> float:
    """Tell how many seconds something takes."""
    begin = time.monotonic()
    act()
    return time.monotonic() - begin


def measure(count: int, inventory: str, runs: int) -> dict[str, Cost]:
    """Measure with so many units that wait."""
    info, restart, plain = [], [], []
    for _run in range(runs):
        on_host(DEFER, count)
        info.append(call(inventory, "deferred_restarts_info"))
        restart.append(call(inventory, "restart_services", "deferred_only=true"))
        plain.append(Cost(0, timed(lambda: on_host(PLAIN, count))))
    return {
        "deferred_restarts_info": middle(info),
        "restart_services": middle(restart),
        "(systemctl restart, one by one)": middle(plain),
    }


def middle(costs: list[Cost]) -> Cost:
    """Give the median of each figure."""
    return Cost(int(median(cost.trips for cost in costs)), median(cost.seconds for cost in costs))


def main(runs: int) -> None:
    """Print the figures, and how they grow."""
    inventory = fleet("up", HOST).strip()
    try:
        fleet("exec", HOST, "--", "sh", "-c", f"printf '{UNIT!s}' >/etc/systemd/system/bench@.service")
        on_host("systemctl daemon-reload")
        results = {count: measure(count, inventory, runs) for count in COUNTS}
    finally:
        fleet("down")
    print(f"{'':34}" + "".join(f"{count:>4} unit{'s' if count > 1 else ' '}          " for count in COUNTS))
    for name, first in results[COUNTS[0]].items():
        cells = (
            f"{cost.trips:2} trips {cost.seconds:6.2f} s x{cost.seconds / first.seconds:<4.1f}"
            for cost in (results[count][name] for count in COUNTS)
        )
        print(f"{name:32}" + "".join(cells))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 3)
