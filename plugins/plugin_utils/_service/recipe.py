"""The recipe by which services that are data are upgraded, verified and drained: the task files of their roles.

Its steps are those of the shipped roles: look, fetch, upgrade the packages, restart what runs an old program, verify.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

from .steps import UPGRADE_TASKS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    Task = dict[str, Any]

_SOCKET = "/run/haproxy/admin.sock"
_IN_CHECK_MODE = "{{ ansible_check_mode }}"


@dataclass(frozen=True)
class Verify:
    """How one sees that a service works: a page, a port of the host, a command; each is tried until *timeout*."""

    url: str = ""
    port: int = 0
    command: str | Sequence[str] = ""
    timeout: int = 30


@dataclass(frozen=True)
class Recipe:
    """What the tasks of a service are made of; *backend* is that of the balancers, empty where there is none."""

    name: str
    units: Sequence[str]
    packages: Sequence[str]
    verify: Verify
    backend: str

    def files(self, settings: Mapping[str, Any]) -> dict[str, str]:
        """Give the files of the role, by their place in it; *settings* are for its ``meta/service.yml``."""
        tasks = {
            UPGRADE_TASKS: self._upgrade() if self.packages else [],
            "health": self._health(),
            "verify": self._verify(),
            "drain": self._drain(
                "drain", "Take this host out of every balancer, and wait until its sessions have ended"
            ),
            "undrain": self._drain("undrain", "Put this host back into every balancer", state="absent"),
        }
        named = {f"tasks/{part}.yml": _text(found) for part, found in tasks.items() if found}
        return {"meta/service.yml": _text(dict(settings)), **named}

    @property
    def _register(self) -> str:
        return f"__{re.sub(r'[^A-Za-z0-9_]', '_', self.name)}"

    def _health(self) -> list[Task]:
        found, verify = f"{self._register}_answer", self.verify
        until = {"register": found, "until": f"{found} is success", "retries": verify.timeout, "delay": 1}
        look = {**until, "check_mode": False}
        tasks: list[Task] = []
        if verify.url:
            page = {"ansible.builtin.uri": {"url": verify.url}}
            tasks.append({"name": f"health | Get {verify.url}", **page, **look})
        if verify.port:
            port = {"ansible.builtin.wait_for": {"port": verify.port, "timeout": verify.timeout}}
            tasks.append({"name": f"health | Wait for port {verify.port}", **port, "check_mode": False})
        if verify.command:
            how = (
                {"cmd": verify.command} if isinstance(verify.command, str) else {"argv": list(verify.command)}
            )
            command = {"ansible.builtin.command": how, "changed_when": False}
            tasks.append({"name": "health | Run the command that tells whether it works", **command, **look})
        return tasks

    def _check_health(self, part: str, name: str, **more: Any) -> list[Task]:
        task = {"name": f"{part} | {name}", "ansible.builtin.import_tasks": "health.yml", **more}
        return [task] if self._health() else []

    def _see_units(self, part: str) -> Task:
        return {
            "name": f"{part} | See what the units run",
            "orderly.services.unit_info": {"name": "{{ item }}", "missing_ok": True},
            "loop": list(self.units),
            "register": f"{self._register}_units",
        }

    @property
    def _each_unit(self) -> Task:
        """Loop over the units that the host has: where several releases are listed, it has those of its own."""
        label = {"loop_control": {"label": "{{ item.item }}"}}
        return {"loop": f"{{{{ {self._register}_units.results | selectattr('known') }}}}", **label}

    def _has_units(self, part: str) -> Task:
        return {
            "name": f"{part} | The host has one of the units",
            "ansible.builtin.assert": {
                "that": f"{self._register}_units.results | selectattr('known') | length > 0",
                "fail_msg": (
                    f"{{{{ inventory_hostname }}}} has none of the units of {self.name}: {', '.join(self.units)}. "
                    "List its units as systemctl list-units shows them there."
                ),
                "quiet": True,
            },
        }

    def _verify(self) -> list[Task]:
        runs = {
            "that": [
                "item.active",
                "not item.program_replaced or item.refusal | length > 0",  # then its restart stays pending
            ],
            "fail_msg": (
                "{{ item.item }} is {{ item.state }} "
                "{{ 'and runs a program that was replaced on disk; restart it' if item.program_replaced }}"
            ),
            "quiet": True,
        }
        return [
            *self._check_health("verify", "Check its health"),
            self._see_units("verify"),
            self._has_units("verify"),
            {
                "name": "verify | The installed programs run",
                "ansible.builtin.assert": runs,
                **self._each_unit,
            },
        ]

    def _upgrade(self) -> list[Task]:
        packages, fetched = list(self.packages), f"{self._register}_fetched"
        fetch = ["apt-get", "install", "--yes", "--only-upgrade", "--download-only", *packages]
        return [
            {
                "name": "upgrade_tasks | The packages are installed",
                "ansible.builtin.command": {"argv": ["dpkg-query", "--show", "{{ item }}"]},
                "loop": packages,
                "changed_when": False,
                "check_mode": False,
                "tags": "step0",
            },
            *self._check_health("upgrade_tasks", "It is healthy", tags="step0"),
            {
                "name": "upgrade_tasks | Refresh the package index if it is older than an hour",
                "ansible.builtin.apt": {"update_cache": True, "cache_valid_time": 3600},
                "when": "not ansible_check_mode",  # on a host without python3-apt the module cannot try it
                "tags": "step1",
            },
            {
                "name": "upgrade_tasks | Fetch the newer packages, so that the interruption is short",
                "ansible.builtin.command": {"argv": fetch},  # the module cannot only download
                "register": fetched,
                "changed_when": f"'Get:' in {fetched}.stdout",
                "tags": "step1",
            },
            {
                "name": "upgrade_tasks | Upgrade the packages",
                "ansible.builtin.apt": {"name": packages, "state": "latest", "only_upgrade": True},
                "ignore_errors": _IN_CHECK_MODE,
                "tags": "step3",
            },
            {"name": "upgrade_tasks | Run the new programs", "tags": "step5", "block": self._start()},
            {
                "name": "upgrade_tasks | The new version is healthy",
                "ansible.builtin.import_tasks": "verify.yml",
                "when": "not ansible_check_mode",
                "tags": "step6",
            },
        ]

    def _start(self) -> list[Task]:
        return [
            {
                "name": "upgrade_tasks | Settle a deferred restart",
                "orderly.services.restart_services": {"units": list(self.units), "deferred_only": True},
            },
            self._see_units("upgrade_tasks"),
            {
                "name": "upgrade_tasks | Start what does not run, and restart what still runs an old program",
                "ansible.builtin.systemd_service": {
                    "name": "{{ item.item }}",
                    "state": "{{ 'restarted' if item.program_replaced else 'started' }}",
                },
                **self._each_unit,
                "when": "not item.refusal",  # a cluster does that itself
            },
        ]

    def _drain(self, part: str, name: str, **how: Any) -> list[Task]:
        if not self.backend:
            return []
        found = f"{self._register}_balancers"
        away = f"{found}.results | selectattr('unreachable', 'defined') | map(attribute='item')"
        unreached = (
            f"{{{{ {away} | join(', ') }}}} cannot be reached, so {{{{ inventory_hostname }}}} can be neither taken "
            "out nor put back there. Bring that balancer back, or leave it out of the group haproxy while it is down."
        )
        server = {"server": f"{self.backend}/{{{{ inventory_hostname }}}}", "socket": _SOCKET, "timeout": 60}
        return [
            {
                "name": f"{part} | {name}",
                "orderly.services.haproxy_drain": {**server, **how},
                "delegate_to": "{{ item }}",
                "loop": "{{ groups['haproxy'] | default([]) }}",
                "register": found,
                "ignore_unreachable": True,  # it is the balancer that is unreachable, not this host
            },
            {
                "name": f"{part} | Every balancer was reached",
                "ansible.builtin.assert": {
                    "that": f"{away} | length == 0",
                    "fail_msg": unreached,
                    "quiet": True,
                },
            },
        ]


def _text(data: Any) -> str:
    return "---\n" + yaml.safe_dump(data, sort_keys=False, default_flow_style=False, width=100)
