# Copyright (c) The orderly.services maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: upgrade_plan
short_description: Compile the upgrade plan of an inventory
version_added: 0.1.0
author: The orderly.services maintainers (@orderly-services)
description:
  - Compiles the services that are deployed in the inventory into an upgrade plan, writes the plan to a folder, and
    returns the path of the plan's playbook. It is meant to be the name of an C(import_playbook).
  - While Ansible parses, the plan is made from inventory and service roles. No host is contacted, and no lock or
    journal is touched, so the plan is the same each time until the inventory or a role changes.
  - Of the store of C(orderly_store) it only reads which hosts are out of service. Where a budget is a percentage, it is
    of the other hosts, as the lock counts, and waves are that much smaller. A campaign that is open keeps its waves.
    Where the store cannot be read, this is said, and every host counts.
options:
  plan_dir:
    description: The folder for the plan. By default a cache folder named by the plan's hash; it is printed.
    type: path
    vars:
      - name: upgrade_plan_dir
  approved_plan:
    description:
      - The hash of the plan that was approved, as the playbook C(orderly.services.plan) printed it, all 64 digits. Any
        other plan is refused, with a list of the differences. Its folder must be where it was written, or be given with
        O(plan_dir), and no file in it may have changed.
      - By default the value of C(-e upgrade_approved_plan). That variable is refused if an inventory or a playbook
        sets it, because the person who runs the upgrade would not know what was approved.
    type: str
  upgrade_stage:
    description: The stage that this run upgrades; checked here, obeyed by the gates of the plan.
    type: str
    vars:
      - name: upgrade_stage
  upgrade_only:
    description: The services that this run upgrades, a list or separated by commas; checked here, obeyed by the gates.
    type: raw
    vars:
      - name: upgrade_only
"""

EXAMPLES = r"""
- name: Upgrade the services of this inventory
  import_playbook: "{{ lookup('orderly.services.upgrade_plan') }}"
"""

RETURN = r"""
_raw:
  description: The path of the plan's playbook.
  type: list
  elements: path
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ansible import context
from ansible.errors import AnsibleError, AnsibleLookupError
from ansible.plugins.lookup import LookupBase

from ..plugin_utils._campaign.absences import absences_in
from ..plugin_utils._common.errors import ControllerError
from ..plugin_utils._common.text import listed, shortened
from ..plugin_utils._inventory.extra_vars import extra_variable
from ..plugin_utils._inventory.fleet_wide import check_fleet_wide
from ..plugin_utils._inventory.inventory import Inventory, InventoryError, limited_hosts
from ..plugin_utils._inventory.selection import Selection
from ..plugin_utils._inventory.unread import check_variables
from ..plugin_utils._last_words import leave, promise, warn
from ..plugin_utils._plan.approval import APPROVED, approved_elsewhere
from ..plugin_utils._plan.plan import short
from ..plugin_utils._render.folder import playbook_for
from ..plugin_utils._run.whole import check_core, check_tags
from ..plugin_utils._service.catalogue import about_left_out, check_beside_inventory, known_services
from ..plugin_utils._terminal import say
from ..plugin_utils._upgrade import make_plan, refuse_sizes

if TYPE_CHECKING:
    from collections.abc import Mapping


STORE = "orderly_store"
ONLY = "upgrade_only"
WITHOUT_PLAN = Path(__file__).parents[2] / "playbooks/list_services.yml"
"""What is parsed where there are no hosts to make a plan for, as when ansible-lint checks the syntax."""


class LookupModule(LookupBase):
    def run(self, terms: list[str], variables: Mapping[str, Any] | None = None, **kwargs: Any) -> list[str]:
        promise()
        self.set_options(var_options=variables, direct=kwargs)
        if terms:
            raise AnsibleLookupError(f"upgrade_plan takes no terms, but was given {terms!r}.")
        variables = variables or {}
        if context.CLIARGS.get("syntax") and not variables["groups"].get("all"):
            return [str(WITHOUT_PLAN)]
        try:
            inventory = Inventory(self._loader, variables["ansible_inventory_sources"])
            inventory.check_unchanged(variables["groups"])
            check_core()
            check_tags("The upgrade", context.CLIARGS.get("tags"), context.CLIARGS.get("skip_tags"), ONLY)
            refuse_sizes(variables)
            check_beside_inventory(variables, inventory.variable)
            check_fleet_wide(inventory)
            services = known_services(variables, inventory.variable)
            check_variables(self._loader, inventory, services)
            for why in about_left_out(variables, services, inventory.variable):
                warn(why)
            options = self.get_options()
            approved = options["approved_plan"] or self._approved(inventory, variables)
            absences = absences_in(self._store(inventory, variables), say)
            plan, playbook = make_plan(
                inventory, variables, {**options, "approved_plan": approved}, absences=absences
            )
            limit = context.CLIARGS.get("subset")
            hosts = limited_hosts(self._loader, inventory.groups, limit) if limit else None
            about = Selection.from_variables(options, hosts)
        except ControllerError as exc:
            leave(str(exc))
            raise AnsibleLookupError(str(exc)) from None
        except AnsibleLookupError:
            raise
        except AnsibleError as exc:
            why = f"The inventory cannot be read for the plan: {exc}"
            leave(why)
            raise AnsibleLookupError(why) from None
        say(f"Plan {short(plan.hash)}: {playbook.parent}/plan.html")
        names_tasks = any(map(context.CLIARGS.get, ("listtasks", "listtags", "start_at_task")))
        return [str(playbook_for(plan, playbook, about, whole=names_tasks))]

    def _store(self, inventory: Inventory, variables: Mapping[str, Any]) -> str | None:
        """Give the store that this run, or else its inventory, names; while Ansible parses, hosts have no variables."""
        given = self._templar.template(variables.get(STORE))
        named = inventory.values(inventory.groups["all"], STORE).values()
        return given or next(filter(None, named), None)

    def _approved(self, inventory: Inventory, variables: Mapping[str, Any]) -> str | None:
        """Give the hash of the plan that was approved with ``-e``; raises where it is approved elsewhere."""
        given = extra_variable(self._loader, APPROVED)
        if given is not None:
            return str(self._templar.template(given))
        hosts = inventory.groups["all"]
        if variables.get(APPROVED):
            where = "a playbook sets it"
        elif setting := [host for host, value in inventory.values(hosts, APPROVED).items() if value]:
            where = f"the inventory sets it for {listed(shortened(setting))}"
        else:
            return None
        raise InventoryError(approved_elsewhere(where))
