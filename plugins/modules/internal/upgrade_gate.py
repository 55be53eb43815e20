#!/usr/bin/python
# Copyright (c) The orderly.services maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: upgrade_gate
short_description: Gate before every play of an upgrade plan
version_added: 0.1.0
author: The orderly.services maintainers (@orderly-services)
description:
  - The plans of P(orderly.services.upgrade_plan#lookup) use this; your own playbooks do not need to.
  - V(opened) comes before all plays. It opens the campaign, or resumes it, and reports which hosts are left of each
    play.
  - V(verified) records the hosts of a service that passed its C(verify.yml) again in a resumed run. No play that
    disrupts hosts begins before all of them have passed.
  - V(ranked) lets hosts of a service that have not begun change places in the waves, by what its C(rank.yml) has found
    out about who goes last, and reports which hosts are left of each play then.
  - V(entered) reads the journal and refuses the play while something that the plan puts before it is not done. For
    plays that disrupt hosts it then takes a slot for every host in the rolling lock of every service, all or none.
  - V(refused) gives back the slots of a host that refuses them, because its locks are elsewhere or others are working
    there.
  - V(done) records the hosts that completed the play, and gives their slots back. Hosts that did not complete it keep
    theirs.
  - It runs on the controller and contacts no host.
options:
  play:
    description: The id of the play in the plan, where O(state) is not V(opened).
    type: str
  plan:
    description:
      - The hash of the plan that the playbook was written with. Where another plan lies beside the playbook by now, the
        gate refuses.
    type: str
  state:
    description: Whether the upgrade begins, or a play of it begins, is refused by a host, or ends.
    type: str
    choices: [opened, verified, ranked, entered, refused, done]
    required: true
  wait:
    description:
      - Seconds to wait for slots that are held by runs that are alive, and for what other runs of the campaign do.
      - By default the variable C(upgrade_wait), else one hour.
    type: int
extends_documentation_fragment:
  - orderly.services.store
  - orderly.services.attributes
  - orderly.services.attributes.change_without_diff
attributes:
  check_mode:
    details: Nothing is taken or recorded; what this run would have done before counts as done.
  diff_mode:
    details: There is nothing to compare.
  idempotent:
    details: What is done is not done again.
"""

EXAMPLES = r"""
- name: Pass the gate of the first wave
  orderly.services.internal.upgrade_gate:
    play: wave-1
    state: entered
  run_once: true
  register: orderly_gate
"""

RETURN = r"""
play:
  description: The id of the play.
  type: str
  returned: when it is about a play
campaign:
  description: The campaign that is begun or resumed. The variable C(campaign) gives a new one its name.
  type: str
  returned: when the state is V(opened) or V(entered)
  sample: friday-1
plan_hash:
  description: The hash of the plan that is opened. The gates that follow refuse another one.
  type: str
  returned: when the state is V(opened)
files:
  description:
    - In which state the files of the plan's folder were when all of them were read and checked, as a hash of what the
      file system says about them. While it is the same, the gates that follow need not read them again.
    - Empty where the files were written in the last seconds; each gate reads them all then.
  type: str
  returned: when the state is V(opened)
left:
  description:
    - The C(hosts) of plays that need not run on all their hosts, by id. The others are done according to the
      journal, or not part of this run.
  type: dict
  returned: when the state is V(opened) or V(ranked)
  sample: {validate-nginx: "!all", wave-3: "web5,web7"}
waves:
  description: The hosts that are left of waves in which hosts have the places of others, by the number of the wave.
  type: dict
  returned: when the state is V(opened) or V(ranked)
  sample: {"3": [db1]}
granted:
  description: The hosts of each service that may be changed now; what is missing is done, or left out.
  type: dict
  returned: when the state is V(entered)
  sample: {nginx: [web1]}
out_of_service:
  description: Hosts that are left out because an operator declared them out of service, with the reason.
  type: dict
  returned: when the state is V(entered)
store:
  description: The store that the slots are in, for M(orderly.services.internal.drained_services).
  type: dict
  returned: when the state is V(entered)
tokens:
  description: The numbers of those slots by host and service, for M(orderly.services.internal.drained_services).
  type: dict
  returned: when the state is V(entered)
  sample: {web1: {nginx: 41}}
missing:
  description: What must be done before, when the play is refused.
  type: list
  elements: dict
  returned: when the play is refused
"""
