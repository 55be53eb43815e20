"""What the action plugins restart_policy and restart_services hand to their modules."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.orderly.services.plugins.action import restart_policy, restart_services
from ansible_collections.orderly.services.plugins.plugin_utils._service.service import CatalogueError

GROUPS = {"all": ["web1", "web2"], "nginx": ["web1", "web2"], "haproxy": ["web1"], "redis": ["web2"]}


def variables(**more: Any) -> dict[str, Any]:
    return {"inventory_hostname": "web1", "groups": GROUPS, "hostvars": {"web1": more, "web2": more}}


def test_a_service_blocks_what_it_says_about_itself() -> None:
    given = restart_policy.module_arguments({"name": "x", "services": "haproxy nginx"}, variables())
    assert given["services"] == []
    assert set(given["blocked_actions"]) == {"haproxy.service", "nginx.service"}
    assert "reload" in given["blocked_actions"]["haproxy.service"]
    assert "reload" not in given["blocked_actions"]["nginx.service"]


def test_actions_that_are_asked_for_win() -> None:
    given = restart_policy.module_arguments({"services": ["haproxy"], "actions": ["stop"]}, variables())
    assert given["blocked_actions"] == {"haproxy.service": ["stop"]}
    one = {"services": ["nginx"], "blocked_actions": {"nginx.service": ["reload"]}}
    assert restart_policy.module_arguments(one, variables())["blocked_actions"] == {
        "nginx.service": ["reload"]
    }


def test_the_inventory_overrides_what_a_service_says() -> None:
    given = restart_policy.module_arguments(
        {"services": ["nginx"]}, variables(nginx_deferred_actions=["stop"])
    )
    assert given["blocked_actions"] == {"nginx.service": ["stop"]}


@pytest.mark.parametrize("name", ["nosuch", "redis"])
def test_what_is_not_deployed_here_is_left_to_the_host(name: str) -> None:
    assert restart_policy.module_arguments({"services": [name]}, variables())["services"] == [name]
    assert restart_services.module_arguments({"services": [name]}, variables())["services"] == [name]


def test_packages_of_services_that_the_inventory_says_to_block_are_not_looked_at() -> None:
    blocked = {**variables(nginx_deferral="block"), "nginx_deferral": "block"}
    given = restart_policy.module_arguments({"services": ["nginx"]}, blocked)
    assert given["trusted_units"] == ["nginx.service"]
    assert "trusted_units" not in restart_policy.module_arguments({"services": ["nginx"]}, variables())


def test_removing_a_policy_needs_no_services() -> None:
    given = {"name": "x", "services": ["nginx"], "state": "absent"}
    assert restart_policy.module_arguments(given, variables()) == given


def test_with_nothing_named_all_services_of_the_host_are_meant_in_their_order() -> None:
    given = restart_services.module_arguments({}, variables())
    assert given == {"include_pending": True, "services": [], "units": ["nginx.service", "haproxy.service"]}


def test_deferred_only_keeps_the_order_of_services() -> None:
    given = restart_services.module_arguments({"deferred_only": True}, variables())
    assert given["deferred_only"]
    assert given["units"] == ["nginx.service", "haproxy.service"]


def test_named_services_and_units_keep_their_order() -> None:
    given = restart_services.module_arguments(
        {"services": ["haproxy", "nginx"], "units": ["x.service"]}, variables()
    )
    assert given == {"services": [], "units": ["haproxy.service", "nginx.service", "x.service"]}


def test_a_broken_service_fails_the_task() -> None:
    with pytest.raises(CatalogueError, match="nginx_max_unavailable"):
        restart_services.module_arguments({}, variables(nginx_max_unavailable="none"))


LISTINGS: list[dict[str, Any]] = [
    {"services": ["nginx"]},
    {"units": ["nginx.service"]},
    {"units": "nginx"},
    {"blocked_actions": {"nginx.service": ["stop"]}},
]


@pytest.mark.parametrize("given", LISTINGS)
def test_a_service_whose_package_must_be_held_is_not_listed_unless_forced(given: dict[str, Any]) -> None:
    held = variables(nginx_deferral="hold")
    with pytest.raises(CatalogueError, match=r"package of nginx cannot be upgraded while nginx.service runs"):
        restart_policy.module_arguments(given, held)
    assert restart_policy.module_arguments({**given, "force": True}, held)["force"] is True
    assert restart_policy.module_arguments({**given, "state": "absent"}, held)["state"] == "absent"
