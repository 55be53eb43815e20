# Copyright (c) The orderly.services maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Let runs, crashes, fleets and operators do to the rolling lock what they may, for many steps, in real stores.

Run: tests/env python tests/fuzz/lock.py [STEPS]. So many steps go to each store; what the lock promises is checked
after each.
"""

from __future__ import annotations

import sys
import tempfile
import time
import uuid
from itertools import count
from typing import TYPE_CHECKING

from ansible_collections.orderly.services.plugins.plugin_utils._store.store import open_store
from ansible_collections.orderly.services.tests.etcd.real_etcd import Etcd
from ansible_collections.orderly.services.tests.unit.plugins.plugin_utils.lock_machine import (
    machine,
)
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

if TYPE_CHECKING:
    from collections.abc import Callable

    from ansible_collections.orderly.services.plugins.plugin_utils._store.store import Store

STEPS = 10_000
STEPS_OF_ONE_WORLD = 100


def play(name: str, opener: Callable[[], Store], steps: int) -> None:
    worlds = -(-steps // STEPS_OF_ONE_WORLD)
    taken = count()
    played = machine(opener, on_step=lambda: next(taken))
    start = time.monotonic()
    while (done := next(taken)) < steps:  # Hypothesis ends a world early when it has seen enough of it
        profile = settings(
            max_examples=worlds, stateful_step_count=STEPS_OF_ONE_WORLD, deadline=None, database=None,
            suppress_health_check=list(HealthCheck),
        )  # fmt: skip
        run_state_machine_as_test(played, settings=profile)
    print(f"{name}: {done} steps in {time.monotonic() - start:.0f} s, every promise was kept")


def main() -> None:
    steps = int(sys.argv[1]) if len(sys.argv) > 1 else STEPS
    number = count()
    with tempfile.TemporaryDirectory() as folder:
        play("SQLite", lambda: open_store(f"sqlite://{folder}/{next(number)}.db"), steps)
    with Etcd() as etcd:
        play("etcd", lambda: open_store(etcd.url(f"machine/{uuid.uuid4()}")), steps)


if __name__ == "__main__":
    main()
