"""A small world for tests of plans: deployments in one line, and what a run has done."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ansible_collections.orderly.services.plugins.plugin_utils._campaign.journal import (
    DONE,
    STARTED,
    Entry,
    Progress,
)
from ansible_collections.orderly.services.plugins.plugin_utils._plan.compile import compile_plan
from ansible_collections.orderly.services.plugins.plugin_utils._plan.plan import Deployment, Plan
from ansible_collections.orderly.services.plugins.plugin_utils._service.service import Dependency, Service

AT = "2026-01-31T03:12:45+00:00"


def deployment(name: str, hosts: str, steps: str = "3", parts: str = "", **settings: Any) -> Deployment:
    own = {key: settings.pop(key) for key in ("migrates_once", "handlers", "no_return") if key in settings}
    settings |= {
        key: tuple(Dependency(each) if isinstance(each, str) else each for each in settings[key])
        for key in ("after", "requires")
        if key in settings
    }
    service = Service(name=name, role=name, path=Path("/roles", name), group=name, **settings)
    numbers = frozenset(map(int, steps.split()))
    return Deployment(service, tuple(hosts.split()), numbers, frozenset(parts.split()), **own)


def plan_of(*deployments: Deployment) -> Plan:
    """Compile a plan and read it as a run does."""
    return Plan.from_data(json.loads(compile_plan(deployments, {}).as_json()))


def progress(done: str = "", started: str = "") -> Progress:
    """Give a journal's progress from words such as ``web/change@w1``."""
    entries: dict[str, dict[str, Entry]] = {}
    for state, words in ((STARTED, started), (DONE, done)):
        for word in words.split():
            part, _at, host = word.partition("@")
            entries.setdefault(part, {})[host] = Entry(state, "wave-1", AT, "run")
    return Progress(entries)
