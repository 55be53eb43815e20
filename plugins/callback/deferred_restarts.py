# Copyright (c) The orderly.services maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: deferred_restarts
type: notification
short_description: List at the end of a run which restarts were deferred
version_added: 0.1.0
author: The orderly.services maintainers (@orderly-services)
description:
  - Ends every run that has seen deferred restarts with one line, so that nobody forgets them. A run without any
    ends as usual.
  - It finds them in the results of this collection's modules, and from C(ansible_local.orderly) where facts are
    gathered; what the run restarted itself is not counted. It contacts no host.
requirements:
  - It must be enabled, in C(ansible.cfg) with C(callbacks_enabled = orderly.services.deferred_restarts).
"""

EXAMPLES = r"""
example: |
  # ansible.cfg
  [defaults]
  callbacks_enabled = orderly.services.deferred_restarts

  # and then, at the end of a run
  2 restarts are deferred on 2 hosts (nginx on web1, nginx on web2): run orderly.services.rolling_restart to do them
"""

from typing import TYPE_CHECKING, Any

from ansible.plugins.callback import CallbackBase

from ..plugin_utils._common.text import on_one_line
from ..plugin_utils._report.deferred_summary import RunSummary, host_and_result, is_of_host

if TYPE_CHECKING:
    from ansible.executor.stats import AggregateStats


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "orderly.services.deferred_restarts"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self) -> None:
        super().__init__()
        self._summary = RunSummary()

    def _learn(self, result: Any) -> None:
        if is_of_host(result):
            self._summary.learn(*host_and_result(result))

    def v2_runner_on_ok(self, result: Any) -> None:
        self._learn(result)

    def v2_runner_on_failed(self, result: Any, ignore_errors: bool = False) -> None:  # noqa: ARG002 - Ansible's signature
        self._learn(result)

    def v2_runner_item_on_ok(self, result: Any) -> None:
        self._learn(result)

    def v2_runner_item_on_failed(self, result: Any) -> None:
        self._learn(result)

    def v2_playbook_on_stats(self, stats: AggregateStats) -> None:  # noqa: ARG002 - Ansible's signature
        line = self._summary.line()
        if line:
            self._display.display(on_one_line(line), color="yellow")
