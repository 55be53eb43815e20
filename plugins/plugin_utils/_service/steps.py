"""The words of an upgrade: its steps, the kinds of plays that run them, the other parts of a role, the dialects."""

from __future__ import annotations

VALIDATE, PREPARE, CHANGE = "validate", "prepare", "change"
POST_UPGRADE, FINALIZE = "post-upgrade", "finalize"
KINDS = (VALIDATE, PREPARE, CHANGE, POST_UPGRADE, FINALIZE)
DISRUPTIVE = (CHANGE, FINALIZE)

STEPS = {0: VALIDATE, 1: PREPARE, 2: "quiesce", 3: "upgrade", 4: "migrate", 5: "start", 6: POST_UPGRADE}
CHANGE_STEPS = (2, 3, 4, 5)
MIGRATE_STEP = 4
KNOWN_STEPS = ", ".join(f"step{step} ({words})" for step, words in STEPS.items())
KIND_OF_STEP = STEPS | dict.fromkeys(CHANGE_STEPS, CHANGE)
STEP_OF_KIND = {kind: step for step, kind in KIND_OF_STEP.items() if step not in CHANGE_STEPS}

UPGRADE_TASKS, HANDLERS = "upgrade_tasks", "handlers"
FACTS = "facts"  # what all the other files may read
RANK = "rank"  # who goes last in rolls
LOOKING = (FACTS, RANK)
"""The parts that only look."""
ROLL_PARTS = (*LOOKING, "drain", "undrain", "verify", "undo")
PARTS = (*ROLL_PARTS, FINALIZE)
"""The task files of a role beside its upgrade_tasks."""

TASK_LISTS = {
    FACTS: "look first",
    "step0": VALIDATE,
    "step1": PREPARE,
    "drain": "drain",
    **{f"step{step}": STEPS[step] for step in CHANGE_STEPS},
    "verify": "verify",
    "undo": "undo",
    "undrain": "undrain",
    "step6": POST_UPGRADE,
    "finalize": FINALIZE,
}
"""Steps and parts in the order in which they run, with the word for each."""

ORDERLY, TAGS, WHEN = DIALECTS = ("orderly", "tags", "when")
"""How tasks say at which steps they run: by one tag; or by TripleO's tags; or by TripleO's conditions."""

STEP = "step"  # TripleO's variable
RUN_ONCE_HOST = "orderly_run_once_host"


def step_file(step: int) -> str:
    """Name the task file of a step in a plan; a name that no file of the role itself has."""
    return f"{UPGRADE_TASKS}.step{step}"
