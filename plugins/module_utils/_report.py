# This is a private utility of the orderly.services collection; it may change without notice.
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host says about its deferred restarts, as plain data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Mapping, Sequence

if TYPE_CHECKING:
    from pathlib import Path

    from ansible_collections.orderly.services.plugins.module_utils._host_files import ScriptState
    from ansible_collections.orderly.services.plugins.module_utils._ledger import Ledger
    from ansible_collections.orderly.services.plugins.module_utils._policy import Policy


def report(
    ledger: Ledger,
    policies: Sequence[tuple[Path, Policy]],
    script: ScriptState,
    versions: Mapping[str, str],
    trouble: Sequence[str],
) -> dict[str, Any]:
    """Put together what is blocked, what is pending, what is not, and what went wrong."""
    blocking = any(policy.blocked_actions for _path, policy in policies)
    return {
        "auto_restarts": not blocking,
        "in_force": script.in_force,
        "script": script.as_dict(),
        "policies": [_policy(path, policy) for path, policy in policies],
        "pending": [entry.as_dict(versions) for entry in ledger.pending],
        "stopped": [entry.as_dict(versions) for entry in ledger.stopped],
        "settled": [{**settled.record.as_dict(), "proof": settled.proof} for settled in ledger.settled],
        "trouble": [*trouble, *([_not_asked(script)] if blocking and not script.in_force else [])],
    }


def _policy(path: Path, policy: Policy) -> dict[str, Any]:
    return {
        "path": str(path),
        "requestor": str(policy.requestor),
        "blocked_actions": {unit: list(actions) for unit, actions in policy.blocked_actions.items()},
    }


def _not_asked(script: ScriptState) -> str:
    who = f"ask {script.neighbour}" if script.neighbour else "ask nobody"
    return f"Restarts are blocked in vain: packages {who}. Run the playbook defer_restarts on this host."
