from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible_collections.orderly.services.plugins.plugin_utils._service.service import Service
from ansible_collections.orderly.services.plugins.plugin_utils._service.units import (
    services_to_units,
    translate,
)

NGINX = Service("nginx", "nginx", Path(), "nginx", units=("nginx.service", "nginx.socket"))
REDIS = Service("redis", "redis", Path(), "redis", units=("redis.service",), deferred_actions=("stop",))
VARIABLES: dict[str, Any] = {
    "inventory_hostname": "web1",
    "groups": {"all": ["web1"], "nginx": ["web1"], "haproxy": ["web1"]},
    "hostvars": {"web1": {}},
}


def test_names_are_looked_up_once_each_in_the_order_asked_for() -> None:
    found = translate(["redis", "nosuch", "nginx", "redis", "nosuch"], [NGINX, REDIS])
    assert found.units == ["redis.service", "nginx.service", "nginx.socket"]
    assert found.unknown == ("nosuch",)


def test_each_unit_blocks_what_is_asked_for_or_else_what_its_service_says() -> None:
    found = translate(["nginx", "redis"], [NGINX, REDIS])
    blocked = found.blocked_actions(None)
    assert (blocked["nginx.socket"], blocked["redis.service"]) == (
        ["stop", "restart", "try-restart"],
        ["stop"],
    )
    assert found.blocked_actions(["reload"]) == {unit: ["reload"] for unit in found.units}


OPTIONS: list[tuple[dict[str, Any], bool, list[str], list[str]]] = [
    ({}, False, [], []),
    ({}, True, [], ["nginx.service", "haproxy.service"]),
    ({"services": "nginx, nosuch"}, False, ["nosuch"], ["nginx.service"]),
    ({"services": ["haproxy"], "units": "x.socket"}, False, [], ["haproxy.service", "x.socket"]),
]


@pytest.mark.parametrize(("given", "all_of_them", "services", "units"), OPTIONS)
def test_a_task_gets_units_and_keeps_the_names_that_its_host_is_to_refuse(
    given: dict[str, Any], all_of_them: bool, services: list[str], units: list[str]
) -> None:
    found = services_to_units({"state": "x", **given}, VARIABLES, default_all=all_of_them)
    assert found == {"state": "x", "services": services, "units": units}


def test_units_alone_need_no_catalogue() -> None:
    assert services_to_units({"units": ["x.service"]}, {})["units"] == ["x.service"]
