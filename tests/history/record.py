"""Append one line to this host's log of disruptions: python3 -SE record.py start|end SERVICE TOKEN.

HISTORY names another log than /var/log/disruptions. The time is the kernel's monotonic clock in nanoseconds, which all
containers of one machine share, whatever the clocks on their walls say.
"""

import os
import sys
import time

what, service, token = sys.argv[1:]
if what not in ("start", "end"):
    sys.exit(__doc__)
with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
    boot = file.read().strip()
line = f"{os.uname().nodename} {what} {service} {int(token)} {time.monotonic_ns()} {boot}\n"
log = os.open(
    os.environ.get("HISTORY", "/var/log/disruptions"), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644
)
os.write(log, line.encode())
os.fsync(log)
