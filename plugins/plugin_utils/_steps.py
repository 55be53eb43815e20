# This is a private utility of the orderly.services collection; it may change without notice.
"""The steps of an upgrade."""

from __future__ import annotations

STEPS = {0: "validate", 1: "prepare", 2: "quiesce", 3: "upgrade", 4: "migrate", 5: "start", 6: "post-upgrade"}
CHANGE_STEPS = (2, 3, 4, 5)
MIGRATE_STEP = 4
RUN_ONCE_HOST = "orderly_run_once_host"
KNOWN_STEPS = ", ".join(f"step{step} ({words})" for step, words in STEPS.items())


def step_file(step: int) -> str:
    """Name the task file of a step in a plan; a name that no file of the role itself has."""
    return f"upgrade_tasks.step{step}"
