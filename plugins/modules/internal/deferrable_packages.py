#!/usr/bin/python
# Copyright (c) The orderly.services maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: deferrable_packages
short_description: Check that the packages of services can be upgraded while their daemons run
version_added: 0.1.0
author: The orderly.services maintainers (@orderly-services)
description:
  - Some packages stop their daemon before they are upgraded, or rely on its having stopped. Where that is denied they
    are upgraded under the running daemon, which databases do not bear. Such packages are to be put on hold instead.
  - Reads the C(preinst) and C(prerm) of the packages that own the units and their programs, as they are installed, and
    the C(preinst) of newer versions that apt has fetched. Fails and names the first that stops the daemon without
    asking, insists that it is stopped, or reads its data. Scripts that ask, as those of debhelper do, and go on either
    way are no reason.
  - Warns of each service of which the host has no unit, as none of its restarts is deferred there; of packages that ask
    to stop the daemon before they replace its files, which databases may rely on; of packages that a service needs and
    that stop it without asking; and of running units that came with its package, and are of no service.
  - Changes nothing, so it tells the same in check mode.
options:
  services:
    description: >-
      Services, each with V(name), V(units) and V(variable), the name of the variable that sets its deferral. Where it
      is V(decided), by that variable or as the package is put on hold, its scripts are no reason. By default those
      deployed on the host.
    type: list
    elements: dict
    default: []
  only:
    description: Names of services to keep of those; without any, all.
    type: list
    elements: str
    default: []
  strict:
    description: Names of services that will be in strict mode, which nothing stops by accident.
    type: list
    elements: str
    default: []
extends_documentation_fragment:
  - orderly.services.attributes
  - orderly.services.attributes.info_module
  - orderly.services.attributes.action
attributes:
  action:
    details: The services of the host are found on the controller.
seealso:
  - module: orderly.services.package_hold
"""

EXAMPLES = r"""
- name: Go on only where restarts can be deferred by denying them
  orderly.services.internal.deferrable_packages:
"""

RETURN = r"""
checked:
  description: The names of the services whose packages were looked at.
  returned: success
  type: list
  elements: str
  sample: [nginx, redis]
absent:
  description: The names of those of which the host has no unit.
  returned: success
  type: list
  elements: str
  sample: [php_fpm]
"""

from typing import TYPE_CHECKING

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.orderly.services.plugins.module_utils._deferral.absent_units import (
    absent_services,
    umbrellas,
)
from ansible_collections.orderly.services.plugins.module_utils._deferral.cautions import Cautions
from ansible_collections.orderly.services.plugins.module_utils._deferral.scripts_of_packages import (
    PackageScripts,
    refusal,
)
from ansible_collections.orderly.services.plugins.module_utils._host.errors import HostError
from ansible_collections.orderly.services.plugins.module_utils._host.systemd import Systemd

if TYPE_CHECKING:
    from typing import Any, Iterable, Mapping


def _refusals(scripts: PackageScripts, services: Iterable[Mapping[str, Any]]) -> list[str]:
    open_ = [service for service in services if not service.get("decided")]
    found = ((service, scripts.why_hold(service["units"])) for service in open_)
    return [
        refusal(service["name"], service["variable"], service["units"], finding)
        for service, finding in found
        if finding
    ]


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "services": {"type": "list", "elements": "dict", "default": []},
            "only": {"type": "list", "elements": "str", "default": []},
            "strict": {"type": "list", "elements": "str", "default": []},
        },
        supports_check_mode=True,
    )
    try:
        refusals = _refusals(PackageScripts(module.run_command), module.params["services"])
        systemd = Systemd(module.run_command)
        units = {service["name"]: service["units"] for service in module.params["services"]}
        absent = dict(absent_services(systemd, units, module.run_command))
        states = systemd.show([unit for each in units.values() for unit in each])
        warnings = [
            *absent.values(),
            *map(str, umbrellas(units, states)),
            *Cautions(module.run_command).of(module.params["services"], module.params["strict"]),
        ]
    except HostError as exc:
        module.fail_json(msg=str(exc), **exc.details)
    except KeyError:
        module.fail_json(msg="services: each needs a name, units and a variable.")
    for sentence in warnings:
        module.warn(sentence)
    if refusals:
        module.fail_json(msg=" ".join(refusals))
    checked = [service["name"] for service in module.params["services"] if not service.get("decided")]
    module.exit_json(changed=False, checked=checked, absent=list(absent))


if __name__ == "__main__":
    main()
