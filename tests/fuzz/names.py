# Copyright (c) The orderly.services maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plan for fleets whose hosts and groups have names that nobody thought of.

Run: tests/env python tests/fuzz/names.py [FLEETS [SEED]]; without a seed the fleets are others each time. Each is
refused by name, or its plan means the hosts that it names and no other, runs no template but ours, and its page shows
the names as they are.
"""

from __future__ import annotations

import random
import sys
import time
from collections import Counter

from ansible_collections.orderly.services.tests.hostile.fleets import (
    FLEETS,
    Fleet,
    check,
)
from hypothesis import HealthCheck, given, seed, settings

MANY = 2_000


def main() -> None:
    """Plan for all of them, and count."""
    many = int(sys.argv[1]) if len(sys.argv) > 1 else MANY
    number = int(sys.argv[2]) if len(sys.argv) > 2 else random.SystemRandom().randrange(1 << 32)
    outcomes: Counter[str] = Counter()
    begin = time.monotonic()

    @seed(number)
    @settings(max_examples=many, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(FLEETS)
    def plan(fleet: Fleet) -> None:
        outcomes[check(fleet)] += 1

    plan()
    took = time.monotonic() - begin
    print(
        f"{sum(outcomes.values())} fleets in {took:.0f} s: {dict(outcomes)}, every name was a name; seed {number}"
    )


if __name__ == "__main__":
    main()
