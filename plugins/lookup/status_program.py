# Copyright (c) The orderly.services maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: status_program
short_description: Build the program that reports the status of a host
version_added: 0.1.0
author: The orderly.services maintainers (@orderly-services)
description:
  - Builds the program C(/usr/lib/orderly/status), one file, out of the code that
    M(orderly.services.deferred_restarts_info) runs, and gives the path of that file on the controller.
  - The file exists for the duration of the Ansible run. The same release of the collection always produces the same
    file.
"""

EXAMPLES = r"""
- name: Install the program that reports the status
  ansible.builtin.copy:
    src: "{{ lookup('orderly.services.status_program') }}"
    dest: /usr/lib/orderly/status
    mode: "0755"
"""

RETURN = r"""
_raw:
  description: The path of the program on the controller.
  type: list
  elements: str
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ansible import constants
from ansible.errors import AnsibleLookupError
from ansible.plugins.lookup import LookupBase

from ..plugin_utils._common.files import write_bytes
from ..plugin_utils._report.host_program import build_program

if TYPE_CHECKING:
    from collections.abc import Mapping


class LookupModule(LookupBase):
    def run(self, terms: list[str], variables: Mapping[str, Any] | None = None, **kwargs: Any) -> list[str]:
        if terms:
            raise AnsibleLookupError(f"status_program takes no terms, but was given {terms}.")
        self.set_options(var_options=variables, direct=kwargs)
        path = Path(constants.DEFAULT_LOCAL_TMP) / "orderly-status"
        write_bytes(path, build_program())
        return [str(path)]
