#!/usr/bin/python
# Copyright (c) The orderly.services maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: package_versions_info
short_description: Read which versions of the packages of services are installed, and which apt would install
version_added: 0.1.0
author:
  - The orderly.services maintainers (@orderly-services)
description:
  - Reads the installed and the candidate version of every package of some services. The candidate is what apt would
    install now with its current index and preferences; the index is not refreshed. C(apt-get upgrade) may keep it
    back where it is a phased update, which C(apt-get install) takes.
  - For a service that names no packages, these are the packages that own its units and their programs, and those that
    are recorded of it.
  - Changes nothing, and needs no root.
options:
  services:
    description:
      - The services, with the keys V(name), V(packages) and V(units), as
        P(orderly.services.deployed_services#lookup) gives them; other keys are ignored.
      - V(recorded) names packages that a service had when its plan was made, as the playbooks of plans know them.
    type: list
    elements: dict
    required: true
  finished:
    description:
      - Whether to fail where dpkg has not finished with one of the packages, and where a unit runs what was there
        before its package changed, though no restart of it is on record.
    type: bool
    default: false
extends_documentation_fragment:
  - orderly.services.attributes
  - orderly.services.attributes.info_module
"""

EXAMPLES = r"""
- name: Read the versions of all that is deployed on this host
  orderly.services.internal.package_versions_info:
    services: "{{ query('orderly.services.deployed_services') }}"
  register: versions
"""

RETURN = r"""
unfinished:
  description: The packages of them that dpkg has unpacked or configured only in part, and what to do, in sentences.
  returned: always
  type: list
  elements: str
  sample: ["nginx is unpacked, not configured: run dpkg --configure -a"]
services:
  description:
    - For each service, by package, the version that is V(installed) and the V(candidate). A version is empty if
      there is none, or if dpkg has not finished with it; a service whose units no package owns has no packages.
  returned: success
  type: dict
  sample: {nginx: {nginx: {installed: 1.22.1-9, candidate: 1.22.1-9+deb12u2}}}
"""

import platform
from typing import TYPE_CHECKING

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.orderly.services.plugins.module_utils._deferral.hold import check_packages, owners_of
from ansible_collections.orderly.services.plugins.module_utils._deferral.record_files import DeferredStore
from ansible_collections.orderly.services.plugins.module_utils._deferral.stale import stale_units
from ansible_collections.orderly.services.plugins.module_utils._host.dpkg import (
    package_versions,
    read_packages,
    unfinished,
)
from ansible_collections.orderly.services.plugins.module_utils._host.errors import HostError

if TYPE_CHECKING:
    from typing import Any, Iterable, Mapping

    from ansible_collections.orderly.services.plugins.module_utils._host.runner import Runner


def _packages(run: Runner, service: Mapping[str, Any]) -> set[str]:
    named = check_packages(service.get("packages") or [])
    recorded = check_packages(service.get("recorded") or [])
    owned = (owners_of(run, unit) for unit in service.get("units") or [])
    return set(named) or {*recorded, *(name for each in owned for name in each)}


def _stale(run: Runner, services: Iterable[Mapping[str, Any]]) -> list[str]:
    on_record = {record.unit for record in DeferredStore().read()[0]}
    units = [unit for service in services for unit in service.get("units") or [] if unit not in on_record]
    return [
        f"{unit} still runs what it was started with before {', '.join(packages)} changed, and nothing asks for its "
        "restart: let step 5 of its role restart it (restart_services with include_stale), and run this again"
        for unit, packages in stale_units(run, units).items()
        if unit not in on_record
    ]


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "services": {"type": "list", "elements": "dict", "required": True},
            "finished": {"type": "bool", "default": False},
        },
        supports_check_mode=True,
    )
    run = module.run_command
    packages = {}
    try:
        for service in module.params["services"]:
            packages[service["name"]] = sorted(_packages(run, service))
        wanted = {name for names in packages.values() for name in names}
        found = read_packages(run, wanted) if wanted else ()
        versions = package_versions(run, found, wanted)
        stale = _stale(run, module.params["services"]) if module.params["finished"] else []
    except HostError as exc:
        module.fail_json(msg=str(exc), **exc.details)
    except KeyError:
        module.fail_json(msg="services: each needs a name; expected a list of {name, packages, units}.")
    left = unfinished(found)
    if module.params["finished"] and (faults := [*left, *stale]):
        module.fail_json(msg=f"{platform.node()} is not upgraded: {'; '.join(faults)}.", unfinished=left)
    module.exit_json(
        unfinished=left,
        services={service: {name: versions[name] for name in names} for service, names in packages.items()},
    )


if __name__ == "__main__":
    main()
