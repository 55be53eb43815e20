# Copyright (c) The orderly.services maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: probe
type: aggregate
short_description: Report how long services were unavailable while a playbook ran
version_added: 0.1.0
author: The orderly.services maintainers (@orderly-services)
description:
  - Probes services throughout the run of a playbook, from the controller, as a user would, and reports at the end
    for how many seconds each of them did not answer properly.
  - It changes nothing, and stops nothing.
  - A service is unavailable from the first probe that failed until the next one that succeeded.
requirements:
  - It must be enabled, in C(ansible.cfg) with C(callbacks_enabled = orderly.services.probe).
options:
  probes:
    description:
      - A YAML file with a list of what to probe, each with a C(name), a C(url) or C(command), and optionally
        C(timeout) in seconds.
      - A probe succeeds if the URL returns no error, or the command exits with 0.
    type: path
    env:
      - name: ORDERLY_PROBES
    ini:
      - section: orderly_probe
        key: probes
  every:
    description: How many seconds pass from one probe to the next.
    type: float
    default: 1.0
    env:
      - name: ORDERLY_PROBE_EVERY
    ini:
      - section: orderly_probe
        key: every
  report:
    description:
      - A file for programs, written at the end. JSON, a list with C(service), C(seconds_unavailable), C(outages) (their
        number), C(longest), C(unavailable_in_the_end), C(asked) and C(why) (the last bad answer).
    type: path
    env:
      - name: ORDERLY_PROBE_REPORT
    ini:
      - section: orderly_probe
        key: report
"""

EXAMPLES = r"""
example: |
  # probes.yml
  - name: web
    url: https://www.example.org/health
  - name: db
    command: mariadb-admin --host db.example.org ping
    timeout: 2

  # ansible.cfg
  [defaults]
  callbacks_enabled = orderly.services.progress, orderly.services.probe

  [orderly_probe]
  probes = probes.yml

  # and at the end of the run
  web was available throughout (241 answers).
  db was unavailable for 3.1 s, once (exit status 1 on the controller: Can't connect to MySQL server).
"""

import atexit
import json
import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from ansible import constants
from ansible.plugins.callback import CallbackBase

from ..plugin_utils._common import own_process
from ..plugin_utils._common.files import write_report
from ..plugin_utils._common.places import open_to_others
from ..plugin_utils._common.text import on_one_line
from ..plugin_utils._report.probe import say
from ..plugin_utils._roll.blockers import CONTROLLER, BlockerError, parse_blockers

if TYPE_CHECKING:
    from ansible.executor.stats import AggregateStats
    from ansible.playbook import Playbook


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "orderly.services.probe"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self) -> None:
        super().__init__()
        self._process = os.getpid()
        self._watcher: subprocess.Popen[str] | None = None

    def v2_playbook_on_start(self, playbook: Playbook) -> None:  # noqa: ARG002 - Ansible's signature
        path = self.get_option("probes")
        if not path:
            self._display.warning(
                "Nothing is probed: set probes in the section orderly_probe of ansible.cfg."
            )
            return
        if why := open_to_others(Path(path).parent, everybody=True):
            self._display.warning(f"Nothing is probed, as {path} may be somebody else's: {why}.")
            return
        try:
            probes = read_probes(Path(path))
        except (BlockerError, OSError, yaml.YAMLError) as exc:
            self._display.warning(f"Nothing is probed, because {path} cannot be used: {exc}")
            return
        every = str(self.get_option("every"))
        self._watcher = subprocess.Popen(
            own_process.command("plugins.plugin_utils._report.probe", json.dumps(probes), every),
            env=own_process.environment(), text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            start_new_session=True,  # what interrupts ansible-playbook does not keep it from telling
        )  # fmt: skip
        atexit.register(self._finish)

    def v2_playbook_on_stats(self, stats: AggregateStats) -> None:  # noqa: ARG002 - Ansible's signature
        self._finish()

    def _finish(self) -> None:
        if self._watcher is None or os.getpid() != self._process:
            return
        output, _nothing = self._watcher.communicate()
        self._watcher = None
        try:
            services = json.loads(output)
        except ValueError:
            self._display.warning(
                f"There are no probe results, because the probe process ended early: {on_one_line(output.strip())}"
            )
            return
        for service in services:
            colour = constants.COLOR_ERROR if service["outages"] else constants.COLOR_OK
            self._display.display(on_one_line(say(service)), color=colour)
        if path := self.get_option("report"):
            try:
                write_report(Path(path), services)
            except OSError as exc:
                self._display.warning(f"The probe report {path} was not written: {exc.strerror}.")


def read_probes(path: Path) -> list[dict[str, Any]]:
    """Read the file of the probes, and check it; raises BlockerError, OSError, or an error of YAML."""
    given = yaml.safe_load(path.read_text(encoding="utf-8"))
    probes = [{**each, "on": CONTROLLER} if isinstance(each, dict) else each for each in given or ()]
    parse_blockers(probes, "probes")
    return probes
