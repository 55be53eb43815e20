from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.orderly.services.plugins.plugin_utils._plan.compile import compile_plan
from ansible_collections.orderly.services.plugins.plugin_utils._plan.plan import Deployment, Plan
from ansible_collections.orderly.services.plugins.plugin_utils._render.page import (
    PAGE,
    list_all_tasks,
    page_data,
    render_page,
)
from ansible_collections.orderly.services.plugins.plugin_utils._render.page_tasks import list_tasks
from ansible_collections.orderly.services.plugins.plugin_utils._service.service import Dependency, Service
from ansible_collections.orderly.services.plugins.plugin_utils._service.steps import TASK_LISTS


def deployment(name: str, hosts: str = "h1 h2", steps: str = "0 3", **settings: Any) -> Deployment:
    service = Service(name, "", Path(f"/roles/{name}"), name, **settings)
    return Deployment(service, tuple(hosts.split()), frozenset(map(int, steps.split())))


def plan_of(*deployments: Deployment) -> Plan:
    return compile_plan(deployments, {"orderly.services": "1.0"})


def told(data: dict[str, Any], name: str) -> dict[str, Any]:
    (service,) = (each for each in data["services"] if each["name"] == name)
    return dict(service)


OUTAGES = [
    ("h1 h2", "3", {}, "keeps"),
    ("h1", "3", {}, "down"),
    ("h1 h2", "3", {"max_unavailable": 2}, "down"),
    ("h1 h2", "3", {"full_stop": True}, "down"),
    ("h1", "0 1 6", {}, "none"),
]


@pytest.mark.parametrize(("hosts", "steps", "settings", "outage"), OUTAGES)
def test_an_outage_is_expected_where_no_host_of_a_service_is_left(
    hosts: str, steps: str, settings: dict[str, Any], outage: str
) -> None:
    data = page_data(plan_of(deployment("web", hosts, steps, **settings)), {}, {})
    assert told(data, "web")["outage"] == outage


def test_services_stand_right_of_what_they_come_after_and_of_earlier_stages() -> None:
    plan = plan_of(
        deployment("db"),
        deployment("api", after=(Dependency("db", 3), Dependency("absent"))),
        deployment("web", requires=(Dependency("api"),), after=(Dependency("db"),)),
        deployment("agent", stage="late", after=(Dependency("db"),)),
    )
    data = page_data(plan, {}, {})
    assert {service["name"]: service["column"] for service in data["services"]} == {
        "db": 0,
        "api": 1,
        "web": 2,
        "agent": 3,
    }
    assert data["stages"] == ["default", "late"]


def test_a_play_on_all_hosts_of_a_service_does_not_repeat_them() -> None:
    data = page_data(plan_of(deployment("web", "h1 h2 h10")), {}, {})
    assert data["hosts"] == ["h1", "h2", "h10"]
    assert [play["on"] for play in data["plays"]] == [{"0": None}, {"0": [0]}, {"0": [1]}, {"0": [2]}]


def test_versions_are_counted_and_times_summed() -> None:
    one = {"nginx": {"installed": "1", "candidate": "2"}}
    other = {"nginx": {"installed": "2", "candidate": "2"}}
    packages = {"web": {"h1": one, "h2": other, "h3": one}}
    news = {"packages": packages, "seconds": {"wave-1": 3.5, "wave-2": 4}, "approve": "a-b"}
    data = page_data(plan_of(deployment("web")), {}, news)
    assert told(data, "web")["packages"] == [["nginx", "1", "2", 2], ["nginx", "2", "2", 1]]
    assert data["estimate"] == 7.5
    assert [play["seconds"] for play in data["plays"]] == [None, 3.5, 4]
    assert data["approve"] == "a-b"


def test_steps_say_how_long_they_took() -> None:
    tasks = {"web": {part: list_tasks("- command: x\n", {}) for part in ("step0", "drain", "step3")}}
    news = {"took": {"web/validate": 1.0, "web/change": 9.0, "web/step3": 7.0}}
    steps = told(page_data(plan_of(deployment("web")), tasks, news), "web")["steps"]
    assert {step["part"]: step["seconds"] for step in steps} == {"step0": 1.0, "drain": None, "step3": 7.0}


def test_the_words_of_tasks_are_read_from_the_plan_s_own_roles(tmp_path: Path) -> None:
    tasks = tmp_path / "roles/orderly_plan_web/tasks"
    tasks.mkdir(parents=True)
    (tasks / "upgrade_tasks.step3.yml").write_text("- import_tasks: more.yml\n")
    (tasks / "more.yml").write_text("- name: Install\n  apt: {}\n")
    (tasks / "drain.yaml").write_text("- name: Drain\n  raw: x\n")
    (tasks / "facts.yml").write_text("- name: Look\n  stat: {path: /x}\n")
    words = list_all_tasks(plan_of(deployment("web")), tmp_path)
    assert {part: [task.name for task in listed] for part, listed in words["web"].items()} == {
        "facts": ["Look"],
        "drain": ["Drain"],
        "step3": ["Install"],
    }
    steps = told(page_data(plan_of(deployment("web")), words, {}), "web")["steps"]
    assert [(step["part"], step["disruptive"]) for step in steps] == [
        ("facts", False),
        ("drain", True),
        ("step3", True),
    ]


def test_every_part_of_a_role_has_its_place_on_the_page() -> None:
    script = (PAGE / "plan.js").read_text()
    shown = re.search(r"(?s)const PARTS_OF = \{(.*?)\};", script)
    assert shown
    assert {*re.findall(r'"([a-z]+\d?)"[,\]]', shown[1])} == set(TASK_LISTS)


def test_the_page_is_one_file_that_holds_its_data_as_text() -> None:
    text = render_page(plan_of(deployment("web")), {}, {"surveyed": "</script><b>"})
    assert not re.search(r'(src|href)="plan\.', text)
    assert "</script><b>" not in text
    assert text.count("</script>") == 2


def test_services_that_change_together_are_named_on_their_cards() -> None:
    data = page_data(
        plan_of(*(deployment(name, packages=("nova",)) for name in ("api", "sched")), deployment("web")),
        {},
        {},
    )
    assert [told(data, name).get("together") for name in ("api", "sched", "web")] == [
        ["api", "sched"], ["api", "sched"], None,
    ]  # fmt: skip
