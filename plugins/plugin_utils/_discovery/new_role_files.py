"""The files of a new service role: what most services need, and in comments what some need besides."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

SERVICE = """\
---
# What NAME is. Every key: docs/service-roles.md of orderly.services.
SETTINGS
# after: [database]    # services that are done on all their hosts before this one changes
# stage: controlplane  # a label, to upgrade one part of the fleet today and another one later
# deferral: hold       # where the packages cannot be upgraded under a running daemon
"""

META = """\
---
galaxy_info:
  author: Its users
  description: How to verify and upgrade NAME
  license: GPL-3.0-or-later
  min_ansible_version: "2.16"
  platforms:
    - name: Debian
      versions: [bookworm, trixie]
dependencies: []
"""

DEFAULTS = """\
---
NAME_units: UNITS
NAME_packages: PACKAGES
"""

ARGUMENT_SPECS = """\
---
argument_specs:
  verify:
    short_description: Check that NAME is healthy and runs the installed program
    description: Looks only. It runs before a host is given back.
    options:
      NAME_units: &units
        description: The units of NAME; the same as in C(meta/service.yml).
        type: list
        elements: str
        default: UNITS

  upgrade_tasks:
    short_description: Upgrade NAME
    description: The tasks of the upgrade, each tagged with its step. A plan runs them step by step.
    options:
      NAME_units: *units
      NAME_packages:
        description: The packages to upgrade. All of them must be installed.
        type: list
        elements: str
        default: PACKAGES
"""

UPGRADE_TASKS = """\
---
# step0: it only looks. Every service, all hosts at once, before anything is touched.
- name: upgrade_tasks | Ask apt what it would install
  orderly.services.package_upgrade_info:
    packages: "{{ NAME_packages }}"
  tags: step0

- name: upgrade_tasks | It is healthy
  ansible.builtin.import_tasks: verify.yml
  tags: step0

# step1: what interrupts nothing, such as downloads and backups. All hosts at once.
- name: upgrade_tasks | Fetch the newer packages, so that the interruption is short
  orderly.services.package_upgrade:
    packages: "{{ NAME_packages }}"
    state: fetched
  tags: step1

# step2 to step5 are repeated as a whole after a failure, so they are safe to repeat. Wave by wave, each host under its
# locks.
#
# - name: upgrade_tasks | Take no more work
#   ansible.builtin.command:
#     argv: [NAME-admin, quiesce]
#   changed_when: true
#   tags: step2

- name: upgrade_tasks | Upgrade the packages
  orderly.services.package_upgrade:
    packages: "{{ NAME_packages }}"
  tags: step3

# A migration of what all hosts share runs once: on the first host, after its new packages and before it starts.
#
# - name: upgrade_tasks | Migrate the database
#   ansible.builtin.command:
#     argv: [NAME-admin, migrate]
#   changed_when: true
#   run_once: true
#   tags: step4

- name: upgrade_tasks | Run the new programs
  orderly.services.current_units:
    units: "{{ NAME_units }}"
  tags: step5

# step6: after the last wave.
- name: upgrade_tasks | The new version is healthy
  ansible.builtin.import_tasks: verify.yml
  when: not ansible_check_mode
  tags: step6
"""

VERIFY = """\
---
# May the next host go? It only looks.
- name: verify | The installed programs run
  orderly.services.unit_info:
    name: "{{ item }}"
    must_be_current: true
  loop: "{{ NAME_units }}"

# A unit can be active and answer nobody, so ask NAME itself:
#
# - name: verify | It answers on its port
#   ansible.builtin.wait_for:
#     port: 8080
#     timeout: 30
"""

README = """\
# NAME

Declares how to verify and upgrade NAME. It does not deploy NAME.

- **verify** checks that the units run, and that they run the installed program. Let it ask NAME itself, too.
- The **upgrade** fetches the packages, upgrades them, and restarts what still runs an old program.
- There is no **drain** yet. A host behind a haproxy is taken out by `tasks/drain.yml`, and put back by
  `tasks/undrain.yml` with `state: absent`:

  ```yaml
  - name: drain | Take this host out of every balancer
    orderly.services.haproxy_drain:
      server: "web/{{ inventory_hostname }}"
    delegate_to: "{{ item }}"
    loop: "{{ groups['haproxy'] | default([]) }}"
  ```

`molecule test` in this folder tries it. It fails until `molecule/default` says on which hosts, and what to look at. See
[argument_specs.yml](meta/argument_specs.yml) for the variables.
"""

MOLECULE = """\
---
# Upgrade NAME as its plan does, on the hosts in inventory/hosts.yml. These have to be there: nothing here makes them.
prerun: false
scenario:
  test_sequence:
    - prepare
    - converge
    - verify
ansible:
  executor:
    args:
      ansible_playbook:
        - --inventory=${MOLECULE_SCENARIO_DIRECTORY}/inventory
  env:
    ANSIBLE_ROLES_PATH: ${MOLECULE_PROJECT_DIRECTORY}/..
    ANSIBLE_LOCALHOST_WARNING: "false"
"""

PREPARE = """\
---
- name: This scenario is filled in
  hosts: localhost
  gather_facts: false
  tasks:
    - name: There are hosts to try NAME on
      ansible.builtin.assert:
        that: groups['NAME'] | default([]) | length > 0
        fail_msg: >-
          The scenario of NAME is not filled in: molecule/default/inventory/hosts.yml names no host to try it on. Write
          hosts there that run an older NAME, and into molecule/default/verify.yml what users of NAME see.
        quiet: true
"""

CONVERGE = """\
---
- name: Upgrade NAME
  ansible.builtin.import_playbook: orderly.services.upgrade
"""

LOOK = """\
---
- name: The users of NAME see that it works
  hosts: NAME
  gather_facts: false
  tasks:
    - name: Look as a user does
      ansible.builtin.fail: # write what users see in the place of this task
        msg: >-
          The scenario of NAME is not filled in: molecule/default/verify.yml looks at nothing. Write what users of NAME
          see in the place of this task.
"""

HOSTS = """\
---
all:
  children:
    NAME:
      hosts: {}
      # test1:
      #   ansible_host: 192.0.2.1
"""

_WORD = re.compile("SETTINGS|UNITS|PACKAGES|NAME")
FILES = {
    "README.md": README,
    "defaults/main.yml": DEFAULTS,
    "meta/argument_specs.yml": ARGUMENT_SPECS,
    "meta/main.yml": META,
    "meta/service.yml": SERVICE,
    "molecule/default/converge.yml": CONVERGE,
    "molecule/default/inventory/hosts.yml": HOSTS,
    "molecule/default/molecule.yml": MOLECULE,
    "molecule/default/prepare.yml": PREPARE,
    "molecule/default/verify.yml": LOOK,
    "tasks/upgrade_tasks.yml": UPGRADE_TASKS,
    "tasks/verify.yml": VERIFY,
}


def role_files(name: str, settings: Mapping[str, Any]) -> dict[str, str]:
    """Give the texts of a role by their place in it; *settings* are what its ``meta/service.yml`` says already."""
    units = settings.get("units") or [f"{name}.service"]
    packages = settings.get("packages") or [name.replace("_", "-")]
    known = {**settings, "units": units, "packages": packages}
    known.setdefault("max_unavailable", 1)
    words = {
        "SETTINGS": "\n".join(f"{key}: {_value(value)}" for key, value in known.items()),
        "UNITS": _value(units),
        "PACKAGES": _value(packages),
        "NAME": name,
    }
    return {place: _WORD.sub(lambda found: words[found.group()], text) for place, text in FILES.items()}


def _value(value: Any) -> str:
    """JSON is YAML, also of what a service of the inventory says."""
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        return _texts(value)
    return json.dumps(value, ensure_ascii=False)


def _texts(values: Sequence[str]) -> str:
    return f"[{', '.join(json.dumps(each) if '@' in each else each for each in values)}]"
