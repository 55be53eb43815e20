"""The files of a new role: our own reader takes them, and our own rules find nothing in them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import yaml
from ansible_collections.orderly.services.plugins.plugin_utils._discovery.new_role import write_role
from ansible_collections.orderly.services.plugins.plugin_utils._discovery.new_role_files import role_files
from ansible_collections.orderly.services.plugins.plugin_utils._plan.compile import compile_plan
from ansible_collections.orderly.services.plugins.plugin_utils._plan.deployments import read_deployments
from ansible_collections.orderly.services.plugins.plugin_utils._service.catalogue import (
    RoleFolder,
    find_services,
)

if TYPE_CHECKING:
    from pathlib import Path

    from ansible_collections.orderly.services.plugins.plugin_utils._service.service import Service

SETTINGS: list[dict[str, Any]] = [
    {},
    {
        "units": ["postfix.service", "postfix@-.service"],
        "packages": ["postfix"],
        "max_unavailable": "25%",
        "after": [{"service": "db", "step": 5}],
        "deferral": "hold",
    },
]


def read(folder: Path, name: str, settings: dict[str, Any]) -> Service:
    write_role(folder / name, role_files(name, settings))
    (service,) = find_services([RoleFolder(folder)])
    return service


@pytest.mark.parametrize("settings", SETTINGS)
def test_its_settings_are_those_of_the_inventory(tmp_path: Path, settings: dict[str, Any]) -> None:
    service = read(tmp_path, "my_shop", settings)
    usual = {"units": ["my_shop.service"], "packages": ["my-shop"], "max_unavailable": 1}
    assert service.name == service.group == "my_shop"
    assert {key: service.settings()[key] for key in {**usual, **settings}} == {**usual, **settings}


@pytest.mark.parametrize("settings", SETTINGS)
def test_its_defaults_are_its_settings_and_are_specified(settings: dict[str, Any]) -> None:
    files = role_files("shop", settings)
    defaults = yaml.safe_load(files["defaults/main.yml"])
    specs = yaml.safe_load(files["meta/argument_specs.yml"])["argument_specs"]
    service = yaml.safe_load(files["meta/service.yml"])
    assert defaults == {"shop_units": service["units"], "shop_packages": service["packages"]}
    options = specs["upgrade_tasks"]["options"]
    assert {key: option["default"] for key, option in options.items()} == defaults
    assert specs["verify"]["options"]["shop_units"]["default"] == defaults["shop_units"]


def test_it_can_be_planned_and_keeps_the_rules(tmp_path: Path) -> None:
    service = read(tmp_path, "shop", {})
    plan = compile_plan(read_deployments([service], {"shop": ("h1",)}), {})
    assert "shop" in str(plan.plays)


def test_no_word_of_the_skeleton_is_left() -> None:
    for text in role_files("shop", {"units": ["NAME-SETTINGS.service"]}).values():
        rest = text.replace("NAME-SETTINGS", "").replace("=PATH", "")
        assert not {"NAME", "UNITS", "PACKAGES", "SETTINGS"} & set(rest.replace("_", " ").split())


def test_all_its_yaml_is_yaml() -> None:
    for place, text in role_files("shop", {}).items():
        assert place.endswith(".md") or yaml.safe_load(text), place
