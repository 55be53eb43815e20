"""Plans of made-up fleets, to draw pages of."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ansible_collections.orderly.services.plugins.plugin_utils._plan.compile import compile_plan
from ansible_collections.orderly.services.plugins.plugin_utils._plan.plan import Deployment, Plan
from ansible_collections.orderly.services.plugins.plugin_utils._render.page_tasks import ListedTask
from ansible_collections.orderly.services.plugins.plugin_utils._service.service import Dependency, Service
from ansible_collections.orderly.services.plugins.plugin_utils._service.steps import TASK_LISTS

STEPS = frozenset({0, 1, 3, 5, 6})


def fleet(hosts: int, services: int) -> tuple[Plan, dict[str, Any]]:
    """Give the plan of a fleet, and what its tasks say: a chain of services, three on few hosts, others on all."""
    names = [f"service{number}" for number in range(1, services + 1)]
    machines = tuple(f"host{number}" for number in range(1, hosts + 1))
    deployments = []
    for number, name in enumerate(names):
        first = number < services // 3 + 1
        service = Service(
            name,
            "",
            Path(f"/roles/{name}"),
            name,
            stage="controlplane" if first else "dataplane",
            after=(Dependency(names[number - 3]),) if number > 2 else (),
            max_unavailable=1 if first else "10%",
            full_stop=number == 1,
        )
        members = machines[:3] if first else machines
        deployments.append(Deployment(service, members, STEPS, frozenset({"drain", "verify"})))
    plan = compile_plan(deployments, {"orderly.services": "1.2.3"})
    parts = [
        part for part in TASK_LISTS if part in ("drain", "verify") or part.removeprefix("step") in "01356"
    ]
    tasks = {
        name: {part: (ListedTask(f"Do {part} of {name}", "ansible.builtin.command"),) for part in parts}
        for name in names
    }
    return plan, tasks
