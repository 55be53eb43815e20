"""The plan as a page: one self-contained HTML file to read before the plan runs.

The page stands in ``assets`` as what it is, HTML, CSS and JavaScript; here they become one file, with the plan as JSON
in it. The file fetches nothing: its content security policy names the hashes of its own style and script, and nothing
else.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .._common.text import natural
from .._plan.plan import holding, short
from .._service.steps import CHANGE, FACTS, RUN_ONCE_HOST, STEP_OF_KIND, TASK_LISTS, step_file
from .page_tasks import list_tasks

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from .._plan.plan import Plan, PlannedService, Play
    from .page_tasks import ListedTask

    Tasks = Mapping[str, Mapping[str, tuple[ListedTask, ...]]]

    """By service and part (``step3``, ``drain``), what its tasks say."""

PAGE = Path(__file__).with_name("assets")


WHOLE = {f"step{step}": kind for kind, step in STEP_OF_KIND.items()}  # steps that are all of a kind of play


def render_page(plan: Plan, tasks: Tasks, survey_data: Mapping[str, Any] | None = None) -> str:
    """Give the text of ``plan.html``.

    *survey_data* is what a survey and earlier campaigns add, none of it part of the plan's id: see :func:`page_data`.
    """
    style, script = _read("plan.css"), _read("plan.js")
    policy = f"default-src 'none'; style-src '{_hash_of(style)}'; script-src '{_hash_of(script)}'"
    page = _read("plan.html")
    for place, text in (
        (
            '<meta charset="utf-8">\n',
            f'<meta charset="utf-8">\n<meta http-equiv="Content-Security-Policy" content="{policy}">\n',
        ),
        ('<link rel="stylesheet" href="plan.css">', f"<style>{style}</style>"),
        ('<script src="plan.js"></script>', f"<script>{script}</script>"),
        (
            'id="plan"></script>',
            f'id="plan">{_as_script(page_data(plan, tasks, survey_data or {}))}</script>',
        ),
    ):
        page = page.replace(place, text, 1)
    return page


def _read(name: str) -> str:
    return (PAGE / name).read_text(encoding="utf-8")


def _hash_of(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _as_script(data: Any) -> str:
    """Give JSON in which nothing can end the script element or begin a comment in it."""
    text = json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    text = text.encode(
        "utf-8", "backslashreplace"
    ).decode()  # halves of surrogate pairs, which no file can hold
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def list_all_tasks(plan: Plan, folder: Path) -> Tasks:
    """Read what the tasks of a plan say from the roles in the plan's folder."""
    return {
        name: _words_of(folder / "roles" / service.role / "tasks") for name, service in plan.services.items()
    }


def _words_of(folder: Path) -> dict[str, tuple[ListedTask, ...]]:
    files = {
        str(path.relative_to(folder)): path.read_text(encoding="utf-8")
        for suffix in ("yml", "yaml")
        for path in folder.rglob(f"*.{suffix}")
    }
    lists = {}
    for part in TASK_LISTS:
        stem = step_file(int(part[4:])) if part.startswith("step") else part
        text = next((files[name] for name in (f"{stem}.yml", f"{stem}.yaml") if name in files), "")
        if listed := list_tasks(text, files, once_host=RUN_ONCE_HOST):
            lists[part] = listed
    return lists


# --- What the page knows ---


def page_data(plan: Plan, tasks: Tasks, survey_data: Mapping[str, Any]) -> dict[str, Any]:
    """Give the data that the page draws; hosts and services are numbers in it, so that it stays small.

    *survey_data* may hold ``approve`` (what an approval names), ``surveyed`` (when), ``packages`` (by service and
    host, the installed and the candidate version of packages), ``seconds`` (by play, how long it may take), and
    ``took`` (how long parts and steps of services took, as ``SERVICE/step3``).
    """
    services = plan.services
    stages = _stages(plan)
    columns = _columns(services, stages)
    order = sorted(services, key=lambda name: (columns[name], natural(name)))
    hosts = sorted({host for service in services.values() for host in service.hosts}, key=natural)
    number_of = {host: number for number, host in enumerate(hosts)}
    seconds = survey_data.get("seconds") or {}
    return {
        "id": short(plan.id),
        "approve": survey_data.get("approve") or plan.hash,
        "made_by": plan.versions.get("orderly.services", ""),
        "surveyed": survey_data.get("surveyed"),
        "estimate": sum(seconds.values()) if seconds else None,
        "stages": stages,
        "hosts": hosts,
        "services": [
            {
                **_service(services[name], number_of),
                "name": name,
                "steps": _steps(name, tasks.get(name, {}), survey_data.get("took") or {}),
                "column": columns[name],
                "packages": _packages((survey_data.get("packages") or {}).get(name, {})),
            }
            for name in order
        ],
        "plays": [_play(plan, play, order, number_of, seconds.get(play.id)) for play in plan.plays],
    }


def _service(service: PlannedService, number_of: Mapping[str, int]) -> dict[str, Any]:
    kept = ("stage", "group", "slots", "full_stop")
    return {
        **{key: getattr(service, key) for key in kept},
        "after": holding(service.after),
        "requires": holding(service.requires),
        "hosts": [number_of[host] for host in service.hosts],
        "outage": service.outage,
        **({"together": list(service.together)} if service.together else {}),
    }


def _steps(
    name: str, tasks: Mapping[str, tuple[ListedTask, ...]], took: Mapping[str, float]
) -> list[dict[str, Any]]:
    return [
        {
            "part": part,
            "words": words,
            "disruptive": part not in (*WHOLE, FACTS),
            "tasks": [_told(task) for task in tasks[part]],
            "seconds": took.get(f"{name}/{WHOLE.get(part, part)}"),
        }
        for part, words in TASK_LISTS.items()
        if part in tasks
    ]


def _told(task: ListedTask) -> dict[str, Any]:
    return {key: value for key, value in asdict(task).items() if value}


def _packages(by_host: Mapping[str, Mapping[str, Mapping[str, str]]]) -> list[list[Any]]:
    """Count the hosts by package and versions: ``[package, installed, candidate, hosts]``."""
    counted = Counter(
        (name, versions["installed"], versions["candidate"])
        for packages in by_host.values()
        for name, versions in packages.items()
    )
    return [[*key, number] for key, number in sorted(counted.items())]


def _play(
    plan: Plan, play: Play, order: list[str], number_of: Mapping[str, int], seconds: float | None
) -> dict[str, Any]:
    services = plan.services
    return {
        "id": play.id,
        "kind": play.kind,
        "title": play.title,
        "needs": [need for need in play.needs if need.partition("@")[2] not in play.hosts],
        "seconds": seconds,
        # A play on all hosts of a service does not name them.
        "on": {
            str(order.index(name)): None
            if hosts == services[name].hosts
            else [number_of[host] for host in hosts]
            for name, hosts in play.services.items()
        },
    }


def _stages(plan: Plan) -> list[str]:
    """Put the stages in the order in which they begin to change."""
    plays = sorted(plan.plays, key=lambda play: play.kind != CHANGE)
    begun = [str(plan.services[name].stage) for play in plays for name in play.services]
    rest = sorted({str(service.stage) for service in plan.services.values()}, key=natural)
    return list(dict.fromkeys([*begun, *rest]))


def _columns(services: Mapping[str, PlannedService], stages: Iterable[str]) -> dict[str, int]:
    """Put each service one column right of what it comes after, and each stage right of the one before."""
    columns: dict[str, int] = {}
    start = 0
    for stage in stages:
        own = {name for name, service in services.items() if service.stage == stage}
        while waiting := own - columns.keys():
            ready = {
                name for name in waiting if not waiting & set(services[name].befores) - {name}
            } or waiting
            columns |= {
                name: max([start, *(columns[each] + 1 for each in services[name].befores if each in columns)])
                for name in ready
            }
        start = max((columns[name] + 1 for name in own), default=start)
    return columns
