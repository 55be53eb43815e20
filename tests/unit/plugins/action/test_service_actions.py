"""What the action plugins deferrable_service, strict_mode and paused_services hand to their modules."""

from __future__ import annotations

from typing import Any

from ansible_collections.orderly.services.plugins.action import (
    deferrable_service,
    dismissed_restarts,
    paused_services,
    strict_mode,
)
from ansible_collections.orderly.services.plugins.action.internal import deferrable_packages

GROUPS = {"all": ["web1"], "nginx": ["web1"], "haproxy": ["web1"]}
VARIABLES: dict[str, Any] = {"inventory_hostname": "web1", "groups": GROUPS, "hostvars": {"web1": {}}}


def test_the_name_of_the_task_is_the_reason() -> None:
    given = {"name": "nginx", "state": "restarted"}
    assert deferrable_service.module_arguments(given, "New certificate")["reason"] == "New certificate"
    assert deferrable_service.module_arguments({**given, "reason": "x"}, "y")["reason"] == "x"
    assert "reason" not in deferrable_service.module_arguments(given, "")


def test_strict_mode_is_set_by_whoever_runs_it() -> None:
    given = strict_mode.module_arguments({"services": "nginx nosuch"}, VARIABLES, "ada on deploy1")
    assert given == {"services": ["nosuch"], "units": ["nginx.service"], "set_by": "ada on deploy1"}
    assert strict_mode.module_arguments({"state": "absent"}, {}, "x")["units"] == []


def test_a_restart_is_dismissed_by_whoever_runs_it() -> None:
    given = dismissed_restarts.module_arguments(
        {"services": "nginx", "reason": "x"}, VARIABLES, "ada on deploy1"
    )
    assert given == {"services": [], "units": ["nginx.service"], "reason": "x", "by": "ada on deploy1"}


def test_with_nothing_named_every_service_of_the_host_is_paused() -> None:
    assert paused_services.module_arguments({}, VARIABLES)["units"] == ["nginx.service", "haproxy.service"]
    assert paused_services.module_arguments({"units": ["x.socket"]}, VARIABLES)["units"] == ["x.socket"]


def test_with_nothing_named_all_that_is_paused_is_resumed() -> None:
    assert paused_services.module_arguments({"state": "resumed"}, {}) == {
        "state": "resumed",
        "services": [],
        "units": [],
    }


def test_all_services_are_looked_at_and_what_the_inventory_has_decided_is_told() -> None:
    def looked_at(given: dict[str, Any], **variables: str) -> list[dict[str, Any]]:
        action = object.__new__(deferrable_packages.ActionModule)
        found: list[dict[str, Any]] = action.complete(
            given, {**VARIABLES, **variables, "hostvars": {"web1": variables}}
        )["services"]
        return found

    nginx, haproxy = looked_at({})
    assert nginx == {
        "name": "nginx",
        "units": ["nginx.service"],
        "variable": "nginx_deferral",
        "decided": False,
    }
    assert looked_at({"only": ["haproxy"]}) == [haproxy]
    for deferral in ("block", "hold"):
        assert [each["decided"] for each in looked_at({}, nginx_deferral=deferral)] == [True, False]
    assert looked_at({"services": []}) == []
