#!/usr/bin/python
# Copyright (c) The orderly.services maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: finalized_services
short_description: Remember which services of a host a campaign has finalized
version_added: 0.1.0
author: The orderly.services maintainers (@orderly-services)
description:
  - Keeps a record on the host of the services whose C(finalize.yml) has completed there, in
    C(/var/lib/orderly/finalized.json), with the campaign of the upgrade that it was for.
  - The plays of a plan use it. A controller may die after a finalizer has completed and before it could report it;
    the next run reads here that there is nothing left to do.
  - It finalizes nothing itself.
options:
  campaign:
    description: The campaign.
    type: str
    required: true
  services:
    description: Names of services to record. Without any, the record is only read.
    type: list
    elements: str
    default: []
  path:
    description: The file of the record.
    type: path
    default: /var/lib/orderly/finalized.json
extends_documentation_fragment:
  - orderly.services.attributes
  - orderly.services.attributes.change_without_diff
seealso:
  - module: orderly.services.temporary_changes
"""

EXAMPLES = r"""
- name: See what friday-1 has finalized here
  orderly.services.internal.finalized_services:
    campaign: friday-1
  register: finalized

- name: Record that it has finalized nova_compute
  orderly.services.internal.finalized_services:
    campaign: friday-1
    services: [nova_compute]
"""

RETURN = r"""
services:
  description: The services that the campaign has finalized on this host.
  returned: success
  type: list
  elements: str
  sample: [nova_compute]
"""

from pathlib import Path

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.orderly.services.plugins.module_utils._host.errors import HostError
from ansible_collections.orderly.services.plugins.module_utils._records.finalized import (
    read_finalized,
    with_finalized,
    write_finalized,
)


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "campaign": {"type": "str", "required": True},
            "services": {"type": "list", "elements": "str", "default": []},
            "path": {"type": "path", "default": "/var/lib/orderly/finalized.json"},
        },
        supports_check_mode=True,
    )
    path, campaign = Path(module.params["path"]), module.params["campaign"]
    try:
        before = read_finalized(path)
        after = with_finalized(before, module.params["services"], campaign)
        if after != before and not module.check_mode:
            write_finalized(path, after)
    except HostError as exc:
        module.fail_json(msg=str(exc), **exc.details)
    module.exit_json(
        changed=after != before, services=sorted(name for name, by in after.items() if by == campaign)
    )


if __name__ == "__main__":
    main()
