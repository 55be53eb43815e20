"""The stand-in takes whatever tasks of Ansible's own modules say, with every ansible-core that this is run with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import yaml
from ansible.modules import service, systemd_service
from ansible_collections.orderly.services.plugins.modules import deferrable_service

if TYPE_CHECKING:
    from types import ModuleType


def options(module: ModuleType) -> dict[str, Any]:
    documented: dict[str, Any] = yaml.safe_load(module.DOCUMENTATION)["options"]
    return documented


def names(name: str, option: dict[str, Any]) -> set[str]:
    """Name an option and its aliases; ansible-test lets no collection have those with a hyphen."""
    return {each for each in (name, *option.get("aliases", ())) if each.isidentifier()}


@pytest.mark.parametrize("module", [service, systemd_service], ids=lambda module: module.__name__)
def test_takes_every_option_of_ansible_s_own_modules(module: ModuleType) -> None:
    ours = options(deferrable_service)
    for name, option in options(module).items():
        assert names(name, option) <= names(name, ours[name])
        assert set(map(str, option.get("choices", ()))) <= set(ours[name].get("choices", ()))
        if not unused(ours[name]):
            assert option.get("default") == ours[name].get("default")


def unused(option: dict[str, Any]) -> bool:
    return "not used" in str(option["description"])
