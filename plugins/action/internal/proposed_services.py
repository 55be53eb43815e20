# Copyright (c) The orderly.services maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Propose services and groups for what runs on the hosts of a play, and write them to a file where that is wanted."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...plugin_utils._action import ControllerAction, Result
from ...plugin_utils._common.errors import ControllerError
from ...plugin_utils._common.files import write_new
from ...plugin_utils._common.names import check_hosts
from ...plugin_utils._common.text import listed, natural, plural, shortened
from ...plugin_utils._discovery.proposal import Fleet, propose
from ...plugin_utils._discovery.proposal_text import as_yaml
from ...plugin_utils._discovery.sightings import RUNNING, read_sighting
from ...plugin_utils._roll.survey import read_survey
from ...plugin_utils._service.catalogue import deployed_of, known_services, without_replaced
from ...plugin_utils._service.service import DATA
from ...plugin_utils._terminal import say

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ...plugin_utils._discovery.proposal import Proposal
    from ...plugin_utils._service.service import Service


class ActionModule(ControllerAction):
    def act(self, variables: Mapping[str, Any]) -> Result:
        options = self.options(variable={"type": "str", "default": "orderly_running"}, to={"type": "path"})
        hosts = sorted(variables["ansible_play_hosts_all"], key=natural)
        told = {host: variables["hostvars"][host].get(options["variable"]) or {} for host in hosts}
        # In plays that go on after a failure it is not marked as one.
        marked = {host: each if "units" in each else {**each, "failed": True} for host, each in told.items()}
        survey = read_survey(marked, RUNNING, self.claims(variables, hosts))
        if not survey.answers:
            raise ControllerError(
                f"Nothing is known of any host: {_silent(survey.silent)}. Nothing was proposed."
            )
        check_hosts(survey.answers, variables["groups"])
        known = _known(variables)
        fleet = Fleet(
            {host: read_sighting(answer) for host, answer in survey.answers.items()},
            known,
            variables["groups"],
        )
        proposal = propose(fleet)
        others = {*variables["groups"]["all"]}.difference(hosts)
        remarks = [
            *([f"Not known: {_silent(survey.silent)}."] if survey.silent else []),
            *([f"Not asked, as the run was limited: {listed(shortened(others))}."] if others else []),
        ]
        text = as_yaml(proposal, len(fleet.hosts), remarks)
        for line in text.splitlines():
            say(line)
        end = f"discover: {_count(proposal)}, from {len(fleet.hosts)} of {plural(len(hosts), 'host')}."
        try:
            written = (
                self._write(options["to"], proposal, text, known) if options["to"] else {"changed": False}
            )
        finally:
            say(" ".join((end, *remarks)))
        return {**written, "proposal": text, "notes": list(proposal.notes), "silent": dict(survey.silent)}

    def _write(self, to: str, proposal: Proposal, text: str, known: tuple[Service, ...]) -> Result:
        """Write the file where it is not there yet, and give what changes."""
        path = Path(to).absolute()
        if not proposal.services and not proposal.groups:
            return {"changed": False}
        if proposal.services and any(service.is_data for service in known):
            raise ControllerError(
                f"discover_to: nothing was written to {path}, as the inventory has {DATA} already and of two only one "
                f"would count. Add the services that are printed above to that {DATA} by hand."
            )
        changed = write_new(path, text, "discover_to", check=self._task.check_mode)
        header = {"before_header": str(path), "after_header": str(path)}
        return {"changed": changed, "diff": {"before": "", "after": text, **header} if changed else {}}


def _known(variables: Mapping[str, Any]) -> tuple[Service, ...]:
    """Give all services there are, those that are deployed as the inventory settles them."""
    known = known_services(variables)
    settled = {service.path: service for service in deployed_of(known, variables)}
    return tuple(settled.get(service.path, service) for service in without_replaced(known))


def _silent(silent: Mapping[str, str]) -> str:
    return "; ".join(
        f"{host} {why}" for host, why in sorted(silent.items(), key=lambda each: natural(each[0]))
    )


def _count(proposal: Proposal) -> str:
    if proposal.services or proposal.groups:
        groups = f"{plural(len(proposal.groups), 'group')}"
        return f"{plural(len(proposal.services), 'service')} and {groups} proposed"
    return "nothing to propose, the inventory has all that was seen"
