# Copyright (c) The orderly.services maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write the beginning of a service role beside the inventory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...plugin_utils._action import ControllerAction, Result
from ...plugin_utils._common.text import natural
from ...plugin_utils._discovery.new_role import check_name, place_of_roles, write_role
from ...plugin_utils._discovery.new_role_files import role_files
from ...plugin_utils._service.catalogue import known_services
from ...plugin_utils._service.data import read_data
from ...plugin_utils._service.service import DATA
from ...plugin_utils._terminal import say

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from ...plugin_utils._service.service import Service


class ActionModule(ControllerAction):
    def act(self, variables: Mapping[str, Any]) -> Result:
        options = self.options(name={"type": "str"}, roles={"type": "path"})
        known = known_services(variables)
        name = check_name(options["name"], known, variables["groups"])
        role = place_of_roles(variables, options["roles"]) / name
        hosts = sorted(variables["groups"]["all"], key=natural)
        data = {
            each.name: each.settings
            for each in read_data(variables["hostvars"][hosts[0]].get(DATA) if hosts else None)
        }
        files = role_files(name, data.get(name, {}))
        write_role(role, files, check=self._task.check_mode)
        lines = list(_next_steps(role, known, variables["groups"], check=self._task.check_mode))
        for line in lines:
            say(line)
        diff = [
            {
                "before": "",
                "after": text,
                "before_header": str(role / place),
                "after_header": str(role / place),
            }
            for place, text in files.items()
        ]
        return {"changed": True, "role": str(role), "files": list(files), "lines": lines, "diff": diff}


def _next_steps(
    role: Path, known: tuple[Service, ...], groups: Mapping[str, Any], *, check: bool
) -> Iterator[str]:
    """Say what was written, and what is left to do."""
    name = role.name
    yield f"{role} {'would be' if check else 'is'} the role of the service {name}."
    for service in known:
        if service.name == name and service.is_data:
            yield f"It begins with what {service.source} says, and takes its place: remove that from the inventory."
        elif service.name == name:
            yield f"It replaces {service.role}, which has that name."
    if not groups.get(name):
        yield f"Its hosts are those of the group {name}, which the inventory does not have yet."
    yield (
        "See that its meta/service.yml and defaults/main.yml name the right units and packages, and let its "
        f"tasks/verify.yml ask {name} whether it works."
    )
    yield f"To try it, write hosts and what to look at into {role}/molecule/default; until then molecule test fails."
