"""What playbook, gate and callback read of a plan, as ``plan.json`` has it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from .._service.steps import CHANGE_STEPS
from .plan import hash_data

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    Plan = Mapping[str, Any]

    Play = Mapping[str, Any]

PLANNED = "orderly_hosts"  # the variable of a play that names all its hosts
LEFT = (
    "orderly_left"  # the fact of localhost that names the hosts of each play that have something left to do
)
NO_HOST = "!all"


def find_play(plan: Plan, play_id: str) -> Play:
    """Find a play of the plan by its id."""
    return next(play for play in plan["plays"] if play["id"] == play_id)


def part_of(play: Play, service: str) -> str:
    """Name the part of a service that a play does, as the journal does."""
    return f"{service}/{play['kind']}"


DOWN, KEEPS, NONE = "down", "keeps", "none"


def outage(service: Mapping[str, Any], tasks: Iterable[str]) -> str:
    """Tell what users may notice of a service while it is upgraded: it is down, it keeps serving, or nothing."""
    if set(service["steps"]).isdisjoint(CHANGE_STEPS) and not finalizes(tasks):
        return NONE
    return DOWN if service["full_stop"] or service["slots"] >= len(service["hosts"]) else KEEPS


def befores_of(service: Mapping[str, Any]) -> list[str]:
    """Name the services that a service of ``plan.json`` comes after: those without a condition, or whose holds."""
    entries = (*service["after"], *service["requires"])
    holding = [each for each in entries if isinstance(each, str) or each.get("holds", "when" not in each)]
    return [each if isinstance(each, str) else each["service"] for each in holding]


def hash_of(data: Mapping[str, Any]) -> str:
    """Tell the hash of a plan as ``plan.json`` has it, from its content and not from what it says."""
    names = ("id", "hash", "survey", "surveyed")
    plan_id = hash_data({key: value for key, value in data.items() if key not in names})
    return hash_data({"id": plan_id, "survey": data["survey"]}) if "survey" in data else plan_id


def finalizes(parts: Iterable[str]) -> bool:
    """Tell whether something is left to do for a service with these parts when everything is upgraded."""
    return not {"undo", "finalize"}.isdisjoint(parts)


WAVE_TITLE = re.compile(r"Wave (\d+) · ([^|]*)")  # how the plays of an upgrade plan are named

VERIFY_PLAY = "verify-"  # and the name of a service: the play that verifies it again


def verified_again(plan: Plan) -> list[str]:
    """Name the services of a plan that can be verified after their change."""
    return [
        name
        for name, service in plan["services"].items()
        if "verify" in service["parts"] and not set(CHANGE_STEPS).isdisjoint(service["steps"])
    ]
