from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ansible_collections.orderly.services.plugins.plugin_utils._report.services_table import (
    LEGEND,
    Listed,
    as_lines,
)
from ansible_collections.orderly.services.plugins.plugin_utils._service.service import Dependency, Service

if TYPE_CHECKING:
    from pathlib import Path


def service(folder: Path) -> Service:
    for part in ("drain", "upgrade_tasks"):
        (folder / "tasks").mkdir(exist_ok=True)
        (folder / f"tasks/{part}.yml").touch()
    return Service("web", "toy.web", folder, "web", after=(Dependency("db"),))


def test_a_service_is_shown_as_its_role_has_it(tmp_path: Path) -> None:
    web = service(tmp_path)
    header, row = (line.split() for line in as_lines([Listed(web, web, 3)]))
    assert dict(zip(header, row, strict=False)) == {
        "SERVICE": "web", "ROLE": "toy.web", "GROUP": "web", "HOSTS": "3", "STAGE": "default", "AFTER": "db",
        "BUDGET": "1", "DEFERRAL": "block", "UNITS": "-", "PARTS": "upgrade_tasks",
    }  # fmt: skip
    assert row[-1] == "drain"


def test_what_the_inventory_overrides_is_marked_in_its_cell_and_named_for_programs(tmp_path: Path) -> None:
    web = service(tmp_path)
    settled = replace(web, requires=(Dependency("mq"),), full_stop=True, deferred_actions=("stop",))
    listed = Listed(web, settled, 3)
    assert listed.cells[5:9] == ("db mq*", "full stop*", "block*", "-")
    assert as_lines([Listed(web, web, 3), listed])[-1] == LEGEND
    told = listed.as_dict()
    assert told["requires"] == ["mq"]
    assert told["overridden"] == {
        "requires": [], "full_stop": False, "deferred_actions": ["stop", "restart", "try-restart"],
    }  # fmt: skip


def test_its_units_are_named_as_people_do(tmp_path: Path) -> None:
    web = replace(service(tmp_path), units=("web.service", "web.socket"))
    assert Listed(web, web, 3).cells[8] == "web web.socket"


def test_a_role_that_names_packages_alone_is_upgraded_too(tmp_path: Path) -> None:
    web = service(tmp_path)
    (tmp_path / "tasks/upgrade_tasks.yml").unlink()
    assert Listed(web, web, 3).parts == ("drain",)
    packaged = replace(web, packages=("web",))
    assert Listed(web, packaged, 3).parts == ("upgrade_tasks", "drain")


def test_an_inventory_without_services_has_a_header_alone() -> None:
    assert as_lines([])[0].startswith("SERVICE  ROLE")
