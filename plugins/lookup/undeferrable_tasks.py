# Copyright (c) The orderly.services maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: undeferrable_tasks
short_description: Tasks of your roles that restart services in a way that cannot be deferred
version_added: 0.1.0
author: The orderly.services maintainers (@orderly-services)
description:
  - Tasks of M(ansible.builtin.service) are redirected to M(orderly.services.deferrable_service) by a module default.
    Those of M(ansible.builtin.systemd_service), M(ansible.builtin.systemd) and M(ansible.builtin.sysvinit) cannot be,
    nor can commands that call C(systemctl). This lists them, where they may stop, restart or reload something.
options:
  _terms:
    description: Folders of roles, or files of tasks, relative to the current folder.
    type: list
    elements: path
    required: true
"""

EXAMPLES = r"""
- name: Show what will not be deferred
  ansible.builtin.debug:
    msg: "{{ query('orderly.services.undeferrable_tasks', 'roles') }}"

# ansible localhost -m debug -a "msg={{ query('orderly.services.undeferrable_tasks', 'roles') }}"
"""

RETURN = r"""
_raw:
  description: A line for each such task, with its file, line, name and module.
  type: list
  elements: str
  sample: ["roles/proxy/handlers/main.yml:3: Restart proxy (ansible.builtin.systemd_service)"]
"""

from pathlib import Path
from typing import Any

from ansible.errors import AnsibleLookupError
from ansible.plugins.lookup import LookupBase

from ..plugin_utils._tasks.undeferrable import find_tasks, task_files


class LookupModule(LookupBase):
    def run(self, terms: list[str], variables: dict[str, Any] | None = None, **kwargs: Any) -> list[str]:
        self.set_options(var_options=variables, direct=kwargs)
        missing = [term for term in terms if not Path(term).exists()]
        if missing or not terms:
            raise AnsibleLookupError(
                f"There is no folder or file {missing[0]}."
                if missing
                else "Name one or more folders of roles, for example roles/."
            )
        files = [file for term in terms for file in task_files(Path(term))]
        return [str(task) for file in files for task in find_tasks(file, file.read_text(encoding="utf-8"))]
