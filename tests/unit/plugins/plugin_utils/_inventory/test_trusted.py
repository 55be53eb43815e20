"""What hosts answer as facts has no say in what is decided; what inventory, playbook and tasks say has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from ansible.inventory.manager import InventoryManager
from ansible.parsing.dataloader import DataLoader
from ansible.playbook.play import Play
from ansible.template import Templar
from ansible.vars.hostvars import HostVars
from ansible.vars.manager import VariableManager
from ansible_collections.orderly.services.plugins.plugin_utils._inventory.parameters import is_parameter
from ansible_collections.orderly.services.plugins.plugin_utils._inventory.trusted import claims, without_facts

if TYPE_CHECKING:
    from pathlib import Path

HOSTS = """
web:
  hosts: {evil1: , good1: }
  vars: {web_max_unavailable: 1, orderly_store: "sqlite://{{ folder }}/store.db", folder: /srv}
"""
FACTS = {
    "orderly_store": "etcd://elsewhere/x",
    "web_max_unavailable": "100%",
    "folder": "/tmp",
    "restart_only": "db",
    "rolling_op_blockers": [{"command": "id", "on": "controller"}],
    "distribution": "Debian",
}


class World:
    """A run in which a host has answered, as a task of a play sees it."""

    def __init__(self, folder: Path) -> None:
        (folder / "hosts.yml").write_text(HOSTS)
        self.loader = DataLoader()
        inventory = InventoryManager(self.loader, [str(folder / "hosts.yml")])
        self.manager = VariableManager(self.loader, inventory)
        HostVars(inventory, self.manager, self.loader)
        play = {
            "hosts": "web",
            "vars": {"restart_only": "web"},
            "tasks": [{"debug": {}, "vars": {"mine": "task"}}],
        }
        self.play = Play().load(play, variable_manager=self.manager, loader=self.loader)
        self.task = self.play.get_tasks()[0][0]
        self.host = inventory.get_host("evil1")
        self.manager.set_host_facts("evil1", FACTS)
        self.manager.set_nonpersistent_facts("evil1", {"found": {"pending": []}})

    def variables(self, **of_loop: Any) -> dict[str, Any]:
        return {**self.manager.get_vars(self.play, self.host, self.task), **of_loop}

    def read(self, variables: Any, name: str) -> Any:
        return Templar(loader=self.loader, variables=variables).template(variables.get(name))


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


@pytest.mark.parametrize("in_task", [True, False], ids=["task", "lookup"])
def test_facts_do_not_reach_a_decision_not_even_through_a_template(world: World, in_task: bool) -> None:
    seen = without_facts(world.variables(), world.task if in_task else None)
    assert world.read(seen, "orderly_store") == "sqlite:///srv/store.db"
    assert seen["web_max_unavailable"] == 1
    assert "rolling_op_blockers" not in seen
    assert seen["hostvars"]["evil1"]["web_max_unavailable"] == 1


def test_what_the_playbook_says_and_what_is_registered_stays(world: World) -> None:
    seen = without_facts(world.variables(item=3), world.task)
    assert [seen[name] for name in ("restart_only", "mine", "item")] == ["web", "task", 3]
    assert seen["hostvars"]["evil1"]["found"] == {"pending": []}


def test_who_is_left_of_a_play_is_for_ansible_to_say(world: World) -> None:
    variables = {**world.variables(), "ansible_play_hosts": ["good1"], "ansible_play_batch": ["good1"]}
    seen = without_facts(variables, world.task)
    assert (seen["ansible_play_hosts"], seen["ansible_play_batch"]) == (["good1"], ["good1"])


def test_the_run_itself_keeps_its_facts(world: World) -> None:
    variables = world.variables()
    without_facts(variables, world.task)
    assert variables["hostvars"]["evil1"]["ansible_facts"]["distribution"] == "Debian"
    assert world.variables()["web_max_unavailable"] == "100%"


def test_while_a_playbook_is_parsed_there_are_no_answers() -> None:
    variables = {"groups": {}}
    assert without_facts(variables) is variables


def test_a_host_that_claims_our_variables_is_named(world: World) -> None:
    assert claims(world.variables(), ["evil1", "good1"], is_parameter) == {
        "evil1": ["orderly_store", "restart_only", "rolling_op_blockers"]
    }
