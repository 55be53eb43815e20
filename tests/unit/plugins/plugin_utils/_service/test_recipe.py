"""The roles that services of the inventory are made into."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import yaml
from ansible_collections.orderly.services.plugins.plugin_utils._service.recipe import HOOKS, Recipe, Verify

if TYPE_CHECKING:
    from collections.abc import Mapping

UNITS = ["web.service"]


def role(
    packages: tuple[str, ...] = ("web",), backend: str = "", *, hold: bool = False, **verify: Any
) -> Mapping[str, Any]:
    recipe = Recipe("my-web", UNITS, packages, Verify(**verify), backend, hold)
    return {place: yaml.safe_load(text) for place, text in recipe.files({"service": "my-web"}).items()}


def modules(tasks: list[Mapping[str, Any]]) -> list[str]:
    return [key for task in tasks for key in task if "." in key]


def test_a_service_of_units_alone_is_verified_by_what_its_units_run_and_has_no_upgrade() -> None:
    files = role(packages=())
    assert list(files) == ["meta/service.yml", "tasks/verify.yml"]
    assert files["meta/service.yml"] == {"service": "my-web"}
    verify = ["orderly.services.unit_info", "ansible.builtin.assert"]
    assert modules(files["tasks/verify.yml"]) == verify
    assert files["tasks/verify.yml"][0]["loop"] == UNITS


def test_packages_are_fetched_before_the_interruption_and_upgraded_in_it() -> None:
    tasks = role()["tasks/upgrade_tasks.yml"]
    assert [task["tags"] for task in tasks] == ["step0", "step1", "step3", "step5", "step6"]
    (upgrade,) = [task for task in tasks if task["tags"] == "step3"]
    assert upgrade["orderly.services.package_upgrade"] == {"packages": ["web"]}


def test_files_of_the_role_take_part() -> None:
    recipe = Recipe("my-web", UNITS, ["web"], Verify(), "", own=HOOKS)
    parts = [(task["tags"], task, task.get("block", [task])) for task in recipe.upgrade()]
    files = [
        (step, each["ansible.builtin.import_tasks"])
        for step, _task, part in parts
        for each in part
        if "ansible.builtin.import_tasks" in each
    ]
    assert files == [
        ("step0", "health.yml"),
        ("step0", "series.yml"),
        ("step2", "series.yml"),
        ("step4", "migrate.yml"),
        ("step6", "verify.yml"),
    ]


@pytest.mark.parametrize("hold", [False, True])
def test_before_a_migration_nothing_starts_the_units(hold: bool) -> None:
    recipe = Recipe("my-web", UNITS, ["web"], Verify(), "", hold, own=["migrate"])
    parts = [(task["tags"], each) for task in recipe.upgrade() for each in task.get("block", [task])]
    ((step, stop),) = [(step, each) for step, each in parts if "orderly.services.stopped_units" in each]
    assert step == "step2"
    assert stop["orderly.services.stopped_units"] == {"units": UNITS, "kept_down": True}
    assert stop["when"] == "__my_web_newer.upgrades | length > 0"


@pytest.mark.parametrize("hold", [False, True])
def test_each_time_apt_is_asked_the_role_looks_at_what_it_said(hold: bool) -> None:
    recipe = Recipe("my-web", UNITS, ["web"], Verify(), "", hold, own=["series"])
    tasks = [each for task in recipe.upgrade() for each in task.get("block", [task])]
    asked = [number for number, task in enumerate(tasks) if "orderly.services.package_upgrade_info" in task]
    assert len(asked) == 2
    for number in asked:
        assert tasks[number]["register"] == "__my_web_newer"
        assert tasks[number + 1]["ansible.builtin.import_tasks"] == "series.yml"


def test_packages_that_stop_their_daemon_are_released_and_upgraded_while_it_is_down() -> None:
    tasks = role(hold=True)["tasks/upgrade_tasks.yml"]
    parts = [(task["tags"], task, task.get("block", [task])) for task in tasks]
    assert [(step, modules(part)) for step, _task, part in parts] == [
        ("step0", ["orderly.services.package_upgrade_info"]),
        ("step1", ["orderly.services.package_upgrade"]),
        (
            "step2",
            [
                "orderly.services.package_hold",
                "orderly.services.package_upgrade_info",
                "orderly.services.stopped_units",
            ],
        ),
        ("step3", ["orderly.services.package_upgrade"]),
        ("step5", ["orderly.services.current_units"]),
        ("step6", ["ansible.builtin.import_tasks"]),
    ]


def test_check_mode_looks_at_what_it_has_not_released_and_says_what_it_would_stop() -> None:
    tasks = {task["tags"]: task for task in role(hold=True)["tasks/upgrade_tasks.yml"]}
    _release, ask, stop = tasks["step2"]["block"]
    assert ask["orderly.services.package_upgrade_info"]["held"] == "{{ ansible_check_mode }}"
    assert "when" not in ask
    assert stop["when"] == f"{ask['register']}.upgrades | length > 0"


def test_packages_are_put_on_hold_again_whatever_fails() -> None:
    tasks = {task["tags"]: task for task in role(hold=True)["tasks/upgrade_tasks.yml"]}
    release = tasks["step2"]["block"][0]["orderly.services.package_hold"]
    assert release == {"units": UNITS, "state": "absent", "for_upgrade": True}
    assert modules(tasks["step2"]["rescue"]) == ["orderly.services.package_hold", "ansible.builtin.fail"]
    assert modules(tasks["step3"]["always"]) == ["orderly.services.package_hold"]


@pytest.mark.parametrize(
    ("verify", "module", "said"),
    [
        ({"url": "http://localhost/"}, "ansible.builtin.uri", {"url": "http://localhost/"}),
        ({"port": 80, "timeout": 5}, "ansible.builtin.wait_for", {"port": 80, "timeout": 5}),
        ({"command": "web status"}, "ansible.builtin.command", {"cmd": "web status"}),
        ({"command": ["web", "status"]}, "ansible.builtin.command", {"argv": ["web", "status"]}),
    ],
)
def test_each_way_to_verify_is_tried_before_and_after(
    verify: Mapping[str, Any], module: str, said: Mapping[str, Any]
) -> None:
    files = role(**verify)
    (health,) = files["tasks/health.yml"]
    assert health[module] == said
    assert health["check_mode"] is False
    for part in ("verify", "upgrade_tasks"):
        assert files[f"tasks/{part}.yml"][0]["ansible.builtin.import_tasks"] == "health.yml"


def test_behind_a_balancer_a_host_is_drained_by_its_name_and_put_back() -> None:
    files = role(backend="web")
    drain, undrain = (files[f"tasks/{part}.yml"][0] for part in ("drain", "undrain"))
    assert drain["orderly.services.haproxy_drain"]["server"] == "web/{{ inventory_hostname }}"
    assert undrain["orderly.services.haproxy_drain"]["state"] == "absent"
    assert drain["register"] == "__my_web_balancers"
