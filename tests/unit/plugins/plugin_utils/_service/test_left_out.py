"""What looks like a service and is deployed nowhere is named, with the reason."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from ansible_collections.orderly.services.plugins.plugin_utils._service.left_out import (
    hidden,
    not_read,
    replaced,
    unknown_before,
    without_hosts,
)
from ansible_collections.orderly.services.plugins.plugin_utils._service.service import Dependency, Service

if TYPE_CHECKING:
    from collections.abc import Callable

WEB = Service("web", "/srv/roles/web", Path("/srv/roles/web"), "webserver")


@pytest.fixture
def role(tmp_path: Path) -> Callable[..., Path]:
    def make(name: str, *files: str) -> Path:
        for file in files:
            path = tmp_path / name / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
        return tmp_path / name

    return make


@pytest.mark.parametrize(
    ("file", "why"),
    [
        ("meta/service.yaml", "its meta/service.yaml is not read. Rename it to meta/service.yml."),
        ("meta/services.yml", "its meta/services.yml is not read. Rename it to meta/service.yml."),
        ("tasks/upgrade_tasks.yml", "it has tasks/upgrade_tasks.yml and no meta/service.yml. Write one;"),
        ("tasks/drain.yaml", "it has tasks/drain.yaml and no meta/service.yml. Write one;"),
    ],
)
def test_a_role_that_was_meant_to_be_a_service_is_named(
    role: Callable[..., Path], file: str, why: str
) -> None:
    path = role("web", file)
    (said,) = not_read([path.parent, path.parent])
    assert said.startswith(f"{path} is left out: {why}")


def test_services_and_ordinary_roles_are_not_named(role: Callable[..., Path]) -> None:
    role("web", "meta/service.yml", "tasks/upgrade_tasks.yml")
    path = role("common", "meta/main.yml", "tasks/main.yml", "tasks/verify.yml")
    assert not_read([path.parent, Path("/nowhere")]) == []


def test_a_group_without_hosts_is_named_with_the_one_that_was_meant() -> None:
    file = "/srv/roles/web/meta/service.yml"
    assert without_hosts([WEB], [], ["webservers", "db"]) == [
        f"web is left out: its group webserver has no hosts. Did you mean webservers? Write group: "
        f"webservers in {file}."
    ]
    assert "Did you mean web? Write" in without_hosts([WEB], [], ["web", "db"])[0]
    assert "Give that group hosts" in without_hosts([WEB], [], ["db"])[0]


def test_what_is_deployed_or_shipped_is_not_named() -> None:
    shipped = replace(WEB, name="nginx", role="orderly.services.nginx")
    assert without_hosts([WEB, shipped], [WEB], ["web"]) == []


def test_a_role_that_replaces_a_shipped_one_is_named() -> None:
    shipped = replace(WEB, role="orderly.services.web", path=Path("/collection/web"))
    assert replaced([shipped, WEB]) == ["web: /srv/roles/web replaces orderly.services.web."]
    assert replaced([WEB]) == []


def test_what_the_inventory_says_replaces_a_shipped_role_and_is_named() -> None:
    shipped = replace(WEB, role="orderly.services.web", path=Path("/collection/web"))
    data = replace(WEB, path=Path("/tmp/made/web"), is_data=True)
    assert replaced([shipped, data]) == ["web: orderly_services.web replaces orderly.services.web."]
    assert hidden([shipped, data], ["web"]) == []
    assert hidden([WEB], ["web"])[0].startswith("orderly_services.web is not used: the role /srv/roles/web")


def test_what_a_service_comes_after_and_nobody_is_is_named_where_it_looks_like_a_mistake() -> None:
    db = replace(WEB, name="database")
    web = replace(
        WEB, after=(Dependency("databse"), Dependency("cache"), Dependency("queue"), Dependency("database"))
    )
    assert unknown_before([web, db], {"queue": ["q1"], "cache": []}) == [
        "web comes after databse, but there is no service databse, so it waits for nothing. Did you mean database? "
        "See /srv/roles/web/meta/service.yml.",
        "web comes after queue, but there is no service queue, so it waits for nothing. "
        "See /srv/roles/web/meta/service.yml.",
    ]
