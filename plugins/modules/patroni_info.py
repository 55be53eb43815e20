#!/usr/bin/python
# Copyright (c) The orderly.services maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: patroni_info
short_description: Ask Patroni whether this member of its cluster is well, and whether the others are
version_added: 0.1.0
author:
  - The orderly.services maintainers (@orderly-services)
description:
  - Asks the REST API of this host's Patroni for this member (C(/patroni), C(/leader), C(/replica)) and for the cluster
    (C(/cluster)), and the REST API of each other member where the cluster says that it is.
  - What is wrong is no failure; it is told in sentences.
  - Changes nothing, so it does the same in check mode.
options:
  url:
    description: The REST API of this host's Patroni.
    type: str
    default: http://127.0.0.1:8008
  name:
    description: What this member is called in Patroni's configuration.
    type: str
    required: true
  max_lag:
    description: How many bytes a replica may be behind.
    type: int
    default: 1048576
  ca_path:
    description: The certificates that those of REST APIs with TLS are checked against, by default those of the system.
    type: path
  timeout:
    description: How many seconds each answer may take.
    type: float
    default: 5
extends_documentation_fragment:
  - orderly.services.attributes
  - orderly.services.attributes.info_module
"""

EXAMPLES = r"""
- name: Ask this member
  orderly.services.patroni_info:
    name: pg1
  register: member

- name: It is well
  ansible.builtin.assert:
    that: member.wrong | length == 0
    fail_msg: "{{ member.wrong | join('; ') }}"
"""

RETURN = r"""
wrong:
  description: What is wrong with this member, in sentences without a name.
  returned: always
  type: list
  elements: str
leads:
  description: Whether it is the leader.
  returned: always
  type: bool
paused:
  description: Whether the cluster is in maintenance mode (C(patronictl pause)).
  returned: always
  type: bool
members:
  description: The names of all members that the cluster knows, this one among them.
  returned: always
  type: list
  elements: str
others_wrong:
  description: What is wrong with other members, in sentences with their names.
  returned: always
  type: list
  elements: str
candidates:
  description: The members that may lead in its place; with synchronous replication the synchronous standbys alone.
  returned: always
  type: list
  elements: str
"""

import json
import ssl
import urllib.error
from typing import Any, Callable, Dict, Mapping, Tuple

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.urls import open_url

Answer = Tuple[int, Dict[str, Any]]
Get = Callable[[str], Answer]

RUNS = ("running", "streaming")
LEADERS = ("leader", "standby_leader")
SYNCHRONOUS = ("sync_standby", "quorum_standby")


class NoAnswerError(Exception):
    """A REST API does not answer, or not with what Patroni says."""


def getter(timeout: float, ca_path: str | None) -> Get:
    """Give what gets a page of a REST API, whatever its status.

    Certificates that cannot be read are an :class:`OSError`.
    """
    ssl.create_default_context(cafile=ca_path or None)

    def get(url: str) -> Answer:
        if not url.startswith(("http://", "https://")):
            raise NoAnswerError(f"{url or 'an empty text'} is no address of a REST API")
        try:
            try:
                page = open_url(url, timeout=timeout, ca_path=ca_path, use_proxy=False)
                status, text = page.code, page.read()
            except urllib.error.HTTPError as exc:  # Patroni says no with 503
                status, text = exc.code, exc.read()
            found = json.loads(text)
        except (OSError, ValueError) as exc:
            raise NoAnswerError(f"{url} does not answer: {exc}") from None
        if not isinstance(found, dict):
            raise NoAnswerError(f"{url} does not answer as Patroni does")
        return status, found

    return get


def base_of(url: str) -> str:
    """Give the address of a REST API, "http://pg1:8008/patroni" or without a path."""
    return "/".join(url.split("/", 3)[:3])


def lag_of(member: Mapping[str, Any]) -> float:
    """Give how many bytes a replica is behind; a leader is none."""
    lag = 0 if member.get("role") in LEADERS else member.get("lag")
    return float(lag) if isinstance(lag, (int, float)) else float("inf")


def complaints(member: Mapping[str, Any], max_lag: int) -> list[str]:
    """Say what is wrong with a member by what the cluster knows of it."""
    if member.get("state") not in RUNS:
        return [f"is {member.get('state') or 'in an unknown state'}"]
    lag = lag_of(member)
    if lag > max_lag:
        how = "an unknown number of" if lag == float("inf") else f"{lag:.0f}"
        return [f"is {how} bytes behind, and {max_lag} are allowed"]
    return []


def other_complaints(member: Mapping[str, Any], max_lag: int, get: Get) -> list[str]:
    """Say what is wrong with another member, which is asked itself as the cluster forgets the dead late."""
    try:
        status, here = get(f"{base_of(member.get('api_url', ''))}/patroni")
    except NoAnswerError as exc:
        return [f"does not answer ({exc})"]
    return complaints(member, max_lag) or ([] if status == 200 else [f"is {here.get('state', 'not well')}"])


def own_complaints(
    here: Mapping[str, Any], members: Mapping[str, Mapping[str, Any]], name: str, *, ready: bool
) -> list[str]:
    """Say what is wrong with this member."""
    if name not in members:
        return [f"it is not called {name}: the members of its cluster are {', '.join(members) or 'none'}"]
    if not any(each.get("role") in LEADERS for each in members.values()):
        return ["its cluster has no leader"]
    if here.get("state") not in RUNS:
        return [f"its PostgreSQL is {here.get('state', 'in an unknown state')}"]
    if not ready:
        return [
            f"it is neither the leader nor a replica that is close enough (lag: {members[name].get('lag', 'unknown')})"
        ]
    return []


def look(get: Get, url: str, name: str, max_lag: int) -> dict[str, Any]:
    """Give what Patroni says of this member, of its cluster and of the others."""
    found: dict[str, Any] = {
        "wrong": [], "leads": False, "paused": False, "members": [], "others_wrong": [], "candidates": []
    }  # fmt: skip
    try:
        _status, here = get(f"{url}/patroni")
        status, cluster = get(f"{url}/cluster")
        leads = get(f"{url}/leader")[0] == 200
        is_replica = get(f"{url}/replica?lag={max_lag}")[0] == 200
    except NoAnswerError as exc:
        return {**found, "wrong": [str(exc)]}
    if status != 200:  # it knows nothing of the others
        return {**found, "wrong": ["it has lost the store of its cluster (etcd, ZooKeeper, Consul)"]}
    members = {each["name"]: each for each in cluster.get("members", [])}
    # Its answer to /replica is no wherever clients are not to be sent.
    is_hidden = here.get("tags", {}).get("noloadbalance", False)
    ready = leads or is_replica or (is_hidden and not complaints(members.get(name, {}), max_lag))
    others = {other: other_complaints(each, max_lag, get) for other, each in members.items() if other != name}
    well = [members[other] for other, wrong in others.items() if not wrong]
    eligible = [each for each in well if not each.get("tags", {}).get("nofailover", False)]
    synchronous = any(each.get("role") in SYNCHRONOUS for each in members.values())
    return {
        "wrong": own_complaints(here, members, name, ready=ready),
        "leads": leads,
        "paused": bool(cluster.get("pause")),
        "members": sorted(members),
        "others_wrong": [f"{other} {words}" for other, wrong in sorted(others.items()) for words in wrong],
        "candidates": [
            each["name"] for each in eligible if not synchronous or each.get("role") in SYNCHRONOUS
        ],
    }


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "url": {"type": "str", "default": "http://127.0.0.1:8008"},
            "name": {"type": "str", "required": True},
            "max_lag": {"type": "int", "default": 1048576},
            "ca_path": {"type": "path"},
            "timeout": {"type": "float", "default": 5.0},
        },
        supports_check_mode=True,
    )
    given: Mapping[str, Any] = module.params
    try:
        get = getter(given["timeout"], given["ca_path"])
    except (OSError, ssl.SSLError) as exc:
        module.fail_json(msg=f"The certificates in {given['ca_path']} cannot be read: {exc}")
    module.exit_json(**look(get, given["url"].rstrip("/"), given["name"], given["max_lag"]))


if __name__ == "__main__":
    main()
