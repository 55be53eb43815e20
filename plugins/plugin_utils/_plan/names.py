"""Names that the playbook of a plan, its gate and the callback share."""

from __future__ import annotations

import re

PLANNED = "orderly_hosts"  # the variable of a play that names all its hosts
LEFT = (
    "orderly_left"  # the fact of localhost that names the hosts of each play that have something left to do
)
OPENED = "orderly_campaign"  # what the first gate of a run said
SEEN_MEMBERS = "orderly_members"  # what a host saw of the members that its wave relies on
NO_HOST = "!all"
VERIFY_PLAY = "verify-"  # and the name of a service: the play that verifies it again
WAVE_TITLE = re.compile(r"Wave (\d+) · ([^|]*)")  # how the plays of a plan are named
