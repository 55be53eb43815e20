"""The variables that the playbooks take: a playbook's begin with its verb, what belongs to all with ``orderly_``."""

from __future__ import annotations

from functools import cache

from .placement import PLACEMENT_VARIABLES

OF_ALL = (
    "orderly_store",
    "orderly_roles_path",
    "orderly_collections",
    "orderly_services",
    "orderly_campaigns_kept",
    "orderly_campaigns_days",
    "enable_auto_restarts",
    *PLACEMENT_VARIABLES,
)

OF_ROLLS = (
    "rolling_op_waves",
    "rolling_op_serial",
    "rolling_op_wait",
    "rolling_op_retries",
    "rolling_op_blockers",
    "rolling_op_blockers_wait",
    "rolling_op_windows",
    "rolling_op_soak",
    "rolling_op_reboot_timeout",
)
"""What every playbook takes that visits hosts wave by wave."""

OF_RECORDS = ("rolling_op_records", "rolling_op_temporary")
"""Where hosts keep what is drained or changed there."""

_DEFERRAL = (
    "deferral_policy_name",
    "deferral_strict_services",
    "deferral_strict_lift_after",
    "deferral_keep_status",
    "deferral_metrics_folder",
    "deferral_metrics_interval",
)
_RESTART = ("restart_only", "restart_deferred_only", *OF_ROLLS, *OF_RECORDS)
_STATUS = ("status_json",)

PARAMETERS: dict[str, tuple[str, ...]] = {
    "abandon_campaign": ("abandon_campaign", "abandon_reason"),
    "allow_restarts": _DEFERRAL,
    "campaigns": ("campaigns_name",),
    "defer_restarts": _DEFERRAL,
    "discover": ("discover_to",),
    "dismiss_restarts": ("dismiss_only", "dismiss_reason"),
    "forget_campaigns": (),
    "list_services": ("list_packages",),
    "move_store": OF_RECORDS,
    "new_service": ("new_service_name", "new_service_roles"),
    "pause_services": ("pause_only", "pause_reason", *OF_RECORDS),
    "plan": ("upgrade_plan_dir",),
    "reboot": ("reboot_all", *OF_ROLLS, *OF_RECORDS),
    "recover": ("recover_ended_run", "recover_forget", "recover_reason", *OF_RECORDS),
    "restart_services": _RESTART,
    "resume_services": ("resume_only", *OF_RECORDS),
    "rolling_op": (
        "rolling_op_name",
        "rolling_op_tasks",
        "rolling_op_services",
        "rolling_op_on_failure",
        *OF_ROLLS,
        *OF_RECORDS,
    ),
    "rolling_restart": _RESTART,
    "show_deferred_restarts": _STATUS,
    "status": _STATUS,
    "upgrade": (
        "upgrade_stage",
        "upgrade_only",
        "upgrade_plan_dir",
        "upgrade_approved_plan",
        "upgrade_campaign",
        "upgrade_confirm",
        "upgrade_wait",
        *OF_RECORDS,
        "rolling_op_finalized",
    ),
}
"""The parameters of each playbook, besides those of all playbooks and what inventories say of services."""

FROM_E_ALONE = (
    "abandon_campaign",
    "abandon_reason",
    "recover_ended_run",
    "recover_forget",
    "recover_reason",
    "upgrade_approved_plan",
    "upgrade_confirm",
)
"""Parameters that decide what cannot be taken back: they count where they are given with ``-e``."""

VALUES = {
    "upgrade_approved_plan": "HASH, as orderly.services.plan prints it",
    "upgrade_confirm": "SERVICE, whose point of no return may be passed",
}
"""What to write behind the name of a parameter whose value nobody would guess."""

PREFIXES = ("orderly_", "rolling_op_", "rolling_restart_", "__rolling_", "__pause_", "__deferral_")
"""No inventory of anybody has variables that begin like this, but for ours."""


@cache
def is_parameter(name: str) -> bool:
    """Tell whether a variable is one of ours, whichever playbook takes it; those of services depend on these."""
    known = (OF_ALL, OF_ROLLS, OF_RECORDS, *PARAMETERS.values())
    return name.startswith(PREFIXES) or any(name in names for names in known)
