"""The inventory plugin roles_data, asked by the real ansible-inventory."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
ROLES = """\
    - name: Controller
      description: Everything but the compute services
      CountDefault: 3
      tags: [primary, controller]
      ServicesDefault:
        - OS::TripleO::Services::HAproxy
        - OS::TripleO::Services::MySQL
        - OS::TripleO::Services::OVNDBs
        - OS::TripleO::Services::Fluentd
    - name: Compute
      ServicesDefault:
        - OS::TripleO::Services::NovaCompute
        - OS::TripleO::Services::OVNController
        - OS::TripleO::Services::Fluentd
    - name: Storage
"""
CONFIG = """\
    plugin: orderly.services.roles_data
    hosts:
      Controller: ["controller-[0:1]"]
      Compute:
        compute-0: {ansible_host: 192.0.2.20, greeting: "{{ 'ho' + 'la' }}"}
"""


class Deployment:
    """A folder with what TripleO says, and an inventory that reads it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.write("roles_data.yaml", ROLES)
        self.write("overcloud.yml", CONFIG)

    def write(self, name: str, text: str) -> None:
        (self.folder / name).write_text(dedent(text))

    def ask(self, *sources: str) -> subprocess.CompletedProcess[str]:
        beside = Path(sys.executable).with_name("ansible-inventory")
        program = str(beside) if beside.exists() else shutil.which("ansible-inventory") or "ansible-inventory"
        inventories = [word for source in sources or ("overcloud.yml",) for word in ("-i", source)]
        environ = {
            "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".build"),
            "ANSIBLE_HOME": str(self.folder / "home"),
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED": "1",
        }
        return subprocess.run(
            [program, "--list", *inventories], cwd=self.folder, env={**os.environ, **environ},
            capture_output=True, text=True, check=False,
        )  # fmt: skip

    def groups(self, *sources: str) -> dict[str, Any]:
        done = self.ask(*sources)
        assert done.returncode == 0, done.stderr
        groups: dict[str, Any] = json.loads(done.stdout)
        return groups

    def refusal(self) -> str:
        done = self.ask()
        assert done.returncode != 0
        return " ".join(done.stderr.split())


@pytest.fixture
def deployment(tmp_path: Path) -> Deployment:
    return Deployment(tmp_path)


def test_roles_and_services_have_groups(deployment: Deployment) -> None:
    groups = deployment.groups()
    assert groups["Controller"] == {"hosts": ["controller-0", "controller-1"]}
    assert groups["Compute"] == {"hosts": ["compute-0"]}
    children = {name: group["children"] for name, group in groups.items() if "children" in group}
    children.pop("all")
    assert {name: sorted(below) for name, below in children.items()} == {
        "fluentd": ["Compute", "Controller"],
        "haproxy": ["Controller"],
        "mysql": ["Controller"],
        "nova_compute": ["Compute"],
        "ovn_controller": ["Compute"],
        "ovn_dbs": ["Controller"],
    }
    hostvars = groups["_meta"]["hostvars"]
    assert hostvars["compute-0"]["ansible_host"] == "192.0.2.20"
    assert hostvars["compute-0"]["greeting"] in ("hola", "{{ 'ho' + 'la' }}")  # some releases render it here


def test_services_can_have_other_groups_or_none(deployment: Deployment) -> None:
    renamed = "service_groups: {'OS::TripleO::Services::MySQL': mariadb, Fluentd: null}\n"
    deployment.write("overcloud.yml", dedent(CONFIG) + renamed)
    groups = deployment.groups()
    assert groups["mariadb"]["children"] == ["Controller"]
    assert not groups.keys() & {"mysql", "fluentd"}


def test_hosts_may_come_from_another_inventory(deployment: Deployment) -> None:
    deployment.write("hosts.yml", "Storage: {hosts: {storage-0: }}\nCompute: {hosts: {compute-1: }}\n")
    (deployment.folder / "templates").mkdir()
    (deployment.folder / "roles_data.yaml").rename(deployment.folder / "templates/roles.yaml")
    deployment.write("overcloud.yml", dedent(CONFIG) + "roles_data: templates/roles.yaml\n")
    groups = deployment.groups("hosts.yml", "overcloud.yml")
    assert groups["Storage"]["hosts"] == ["storage-0"]
    assert sorted(groups["Compute"]["hosts"]) == ["compute-0", "compute-1"]


WRONG = [
    (
        "overcloud.yml",
        "plugin: orderly.services.roles_data\nhosts: {Controler: [c1]}\n",
        "overcloud.yml: hosts: Controler is not a role; the roles are Controller, Compute, Storage.",
    ),
    (
        "overcloud.yml",
        "plugin: orderly.services.roles_data\nhosts: {Compute: 3}\n",
        "overcloud.yml: hosts: Compute is 3; expected a list of hosts, as in [controller-0], or a mapping of hosts",
    ),
    (
        "overcloud.yml",
        "plugin: orderly.services.roles_data\nservice_groups: {Haproxy: lb}\n",
        "overcloud.yml: service_groups: Haproxy is in no role; remove it, or correct its name.",
    ),
    (
        "overcloud.yml",
        "plugin: orderly.services.roles_data\nservice_groups: {HAproxy: [lb]}\n",
        "overcloud.yml: service_groups: HAproxy is ['lb']; expected the name of a group, or null for none.",
    ),
    (
        "overcloud.yml",
        "plugin: orderly.services.roles_data\nroles_data: gone.yaml\n",
        "gone.yaml cannot be read: No such file or directory. Set roles_data to its path.",
    ),
    (
        "roles_data.yaml",
        "name: Controller\n",
        "roles_data.yaml:1: expected TripleO's list of roles, each with name",
    ),
    ("roles_data.yaml", "- name: A\n- name: [B\n", "roles_data.yaml:3: not YAML:"),
    (
        "roles_data.yaml",
        "- name: A\n- CountDefault: 1\n",
        "roles_data.yaml:2: name is missing; expected a valid group name",
    ),
    (
        "roles_data.yaml",
        "- name: A\n- name: A\n",
        "roles_data.yaml:2: name: A appears twice; rename one of them.",
    ),
    (
        "roles_data.yaml",
        "- name: A\n  ServicesDefault: HAproxy\n",
        "roles_data.yaml:2: ServicesDefault of A: expected a list of services, as in [OS::TripleO::Services::HAproxy].",
    ),
    (
        "roles_data.yaml",
        "- name: redis\n  ServicesDefault: [OS::TripleO::Services::Redis]\n",
        "overcloud.yml: OS::TripleO::Services::Redis would have the group redis, which belongs to a role; give "
        "it another name in service_groups.",
    ),
    (
        "roles_data.yaml",
        "- name: A\n  ServicesDefault: [OS::TripleO::Services::3Par]\n",
        "overcloud.yml: OS::TripleO::Services::3Par would have the group '3_par', which is not a group name; give it "
        "one in service_groups.",
    ),
]


@pytest.mark.parametrize(("file", "text", "message"), WRONG)
def test_what_is_wrong_is_said_with_file_and_key(
    deployment: Deployment, file: str, text: str, message: str
) -> None:
    deployment.write("overcloud.yml", "plugin: orderly.services.roles_data\n")
    deployment.write(file, text)
    assert message in deployment.refusal()
