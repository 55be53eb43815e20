#!/usr/bin/python
# Copyright (c) The orderly.services maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: running_services_info
short_description: Read which services run on a host, where they listen, and which packages they are of
version_added: 0.1.0
author: The orderly.services maintainers (@orderly-services)
description:
  - Reads from systemd which services run, from the kernel at which ports of TCP and UDP each of them listens, and from
    dpkg which packages own its unit file and its program.
  - Reads the maintainer scripts of these packages, which tell whether they can be upgraded while the service runs.
  - Where a service listens at port 80 it is asked once for the page V(http://localhost/). Nothing else is done on the
    host, and nothing is changed, so it tells the same in check mode.
  - Needs root to see at which ports the processes of other users listen.
options:
  ignored:
    description: >-
      Patterns, as the shell has them, of units without their suffix. Of those that match only the name is told. By
      default the units of the system that nobody restarts wave by wave.
    type: list
    elements: str
    default: []
extends_documentation_fragment:
  - orderly.services.attributes
  - orderly.services.attributes.info_module
  - orderly.services.attributes.action
attributes:
  action:
    details: The patterns are known on the controller.
seealso:
  - module: orderly.services.unit_info
"""

EXAMPLES = r"""
- name: Read what runs and listens
  orderly.services.internal.running_services_info:
  register: orderly_running
"""

RETURN = r"""
units:
  description: The services that run.
  returned: success
  type: list
  elements: dict
  contains:
    unit:
      description: The unit.
      type: str
    names:
      description: All its names.
      type: list
      elements: str
    umbrellas:
      description: Units that it is a part of, and that run nothing themselves.
      type: list
      elements: str
    owner:
      description: The package of its unit file; empty if there is none.
      type: str
    packages:
      description: That package, and the one of its program.
      type: list
      elements: str
    program:
      description: What it runs.
      type: str
    tcp:
      description: The ports of TCP at which it listens.
      type: list
      elements: int
    local:
      description: Those of them that are reached at 127.0.0.1.
      type: list
      elements: int
    udp:
      description: The ports of UDP at which it listens.
      type: list
      elements: int
    page:
      description: Whether it answered the request for a page with 200.
      type: bool
    hold:
      description: Why its packages cannot be upgraded while it runs; empty if they can.
      type: str
    refusal:
      description: Why nobody restarts it by hand; empty if it can be restarted.
      type: str
  sample:
    - unit: memcached.service
      names: [memcached.service]
      umbrellas: []
      owner: memcached
      packages: [memcached]
      program: /usr/bin/memcached
      tcp: [11211]
      local: [11211]
      udp: []
      page: false
      hold: ""
      refusal: ""
ignored:
  description: The units that run and match O(ignored).
  returned: success
  type: list
  elements: str
  sample: [ssh.service]
stopped:
  description: >-
    Services that have failed, or that start with the host and do not run, each with its state in systemd's words.
  returned: success
  type: dict
  sample: {"nginx.service": "failed (failed)"}
on_demand:
  description: Sockets whose service does not run until somebody connects.
  returned: success
  type: list
  elements: str
  sample: [cups.socket]
sees_all:
  description: Whether it was root who looked, so that no port is missing.
  returned: success
  type: bool
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.orderly.services.plugins.module_utils._discovery.running_units import Discovery
from ansible_collections.orderly.services.plugins.module_utils._host.errors import HostError


def main() -> None:
    module = AnsibleModule(
        argument_spec={"ignored": {"type": "list", "elements": "str", "default": []}},
        supports_check_mode=True,
    )
    try:
        found = Discovery(module.run_command).read(module.params["ignored"])
    except HostError as exc:
        module.fail_json(msg=str(exc), **exc.details)
    module.exit_json(changed=False, **found)


if __name__ == "__main__":
    main()
