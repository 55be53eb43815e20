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
    from collections.abc import Collection, Mapping, Sequence

    from .service import Service

    Task = dict[str, Any]

_FOR_REAL = "not ansible_check_mode"
_NOT_RELEASED = "{{ ansible_check_mode }}"
"""Whether packages are still on hold, as check mode releases none."""
_SOCKET = "/run/haproxy/admin.sock"

HOOKS = ("health", "series", "migrate")
"""Files of a role that the recipe imports, where it has them.

``health`` looks before anything is touched. ``series`` looks whenever apt was asked, at ``__<service>_newer``.
``migrate`` is step 4.
"""


@dataclass(frozen=True)
class Verify:
    """How one sees that a service works: a page, a port of the host, a command; each is tried until *timeout*."""

    url: str = ""
    port: int = 0
    command: str | Sequence[str] = ""
    timeout: int = 30


@dataclass(frozen=True)
class Recipe:
    """What the tasks of a service are made of; *backend* is that of the balancers, empty where there is none.

    *hold* is for packages that cannot be upgraded under a running daemon.
    """

    name: str
    units: Sequence[str]
    packages: Sequence[str]
    verify: Verify
    backend: str
    hold: bool = False
    own: Collection[str] = ()
    """Which of :data:`HOOKS` the role has itself."""

    def files(self, settings: Mapping[str, Any]) -> dict[str, str]:
        """Give the files of the role, by their place in it; *settings* are for its ``meta/service.yml``."""
        tasks = {
            UPGRADE_TASKS: self.upgrade() if self.packages else [],
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
    def _variable(self) -> str:
        return re.sub(r"[^A-Za-z0-9_]", "_", self.name)

    @property
    def _register(self) -> str:
        return f"__{self._variable}"

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
        return [task] if "health" in self.own or self._health() else []

    def _verify(self) -> list[Task]:
        units = f"{self._register}_units"
        there = f"{units}.results | selectattr('known') | length > 0"
        nothing = (
            f"{{{{ inventory_hostname }}}} has none of the units of {self.name}: {', '.join(self.units)}. "
            "List its units as systemctl list-units shows them there."
        )
        return [
            *self._check_health("verify", "Check its health"),
            {
                "name": "verify | The installed programs run",
                "orderly.services.unit_info": {
                    "name": "{{ item }}",
                    "missing_ok": True,
                    "must_be_current": True,
                    "may_be_off": True,
                },
                "loop": list(self.units),
                "register": units,
            },
            {
                "name": "verify | The host has one of the units",
                "ansible.builtin.assert": {"that": there, "fail_msg": nothing, "quiet": True},
            },
        ]

    def upgrade(self) -> list[Task]:
        """Give the tasks of an upgrade, each with its step."""
        packages = {"packages": list(self.packages)}
        held = {"held": True} if self.hold else {}
        return [
            *self._check_health("upgrade_tasks", "It is healthy", tags="step0"),
            *self._ask("Ask apt what it would install", {**packages, **held}, tags="step0"),
            {
                "name": "upgrade_tasks | Fetch the newer packages, so that the interruption is short",
                "orderly.services.package_upgrade": {**packages, "state": "fetched", **held},
                "tags": "step1",
            },
            *(self._release(packages) if self.hold else self._quiesce(packages)),
            self._install({**packages, **held}),
            *self._hook("migrate", "Migrate the data", tags="step4"),
            {
                "name": "upgrade_tasks | Run the new programs",
                "orderly.services.current_units": {"units": list(self.units)},
                "tags": "step5",
            },
            {
                "name": "upgrade_tasks | The new version is healthy",
                "ansible.builtin.import_tasks": "verify.yml",
                "when": _FOR_REAL,
                "tags": "step6",
            },
        ]

    def _hook(self, file: str, name: str, **more: Any) -> list[Task]:
        task = {"name": f"upgrade_tasks | {name}", "ansible.builtin.import_tasks": f"{file}.yml", **more}
        return [task] if file in self.own else []

    def _ask(self, name: str, packages: Task, **more: Any) -> list[Task]:
        """Have apt asked, and the role look at what it says."""
        found = {"register": self._newer} if self.hold or {"series", "migrate"} & {*self.own} else {}
        ask = {"name": f"upgrade_tasks | {name}", "orderly.services.package_upgrade_info": packages}
        series = self._hook("series", "It is a newer version of the same series", **more)
        return [{**ask, **found, **more}, *series]

    @property
    def _newer(self) -> str:
        return f"{self._register}_newer"

    def _release(self, packages: Task) -> list[Task]:
        """Have the packages released and the units stopped, as these cannot be upgraded under them."""
        units = {"units": list(self.units)}
        tasks = [
            {
                "name": "upgrade_tasks | Release the packages that are on hold while restarts are off",
                "orderly.services.package_hold": {**units, "state": "absent", "for_upgrade": True},
                "register": f"{self._register}_hold",
            },
            # What somebody else put on hold fails here, while the service still runs.
            *self._ask("Ask apt what it installs", {**packages, "held": _NOT_RELEASED}),
            self._stop(),
        ]
        failed = {"msg": "{{ ansible_failed_result.msg | default('The task before it has failed.', true) }}"}
        say = {"name": "upgrade_tasks | Say what has failed", "ansible.builtin.fail": failed}
        return [
            {
                "name": "upgrade_tasks | Stop the units while their packages are upgraded",
                "block": tasks,
                "rescue": [self._hold_again(), say],  # they may still run, so nobody else may upgrade them
                "tags": "step2",
            }
        ]

    def _quiesce(self, packages: Task) -> list[Task]:
        """Have the units stopped before their packages, where these may not start them before the migration."""
        if "migrate" not in self.own:
            return []
        ask = self._ask("Ask apt what it installs", packages, tags="step2")
        return [*ask, {**self._stop(), "tags": "step2"}]

    def _stop(self) -> Task:
        kept_down = {"kept_down": True} if "migrate" in self.own else {}
        return {
            "name": "upgrade_tasks | Stop the units if there is something newer",
            "orderly.services.stopped_units": {"units": list(self.units), **kept_down},
            "when": f"{self._newer}.upgrades | length > 0",
        }

    def _install(self, packages: Task) -> Task:
        """Have the packages upgraded; in check mode those on hold too, as nothing was released."""
        name = "upgrade_tasks | Upgrade the packages"
        task: Task = {"name": name, "orderly.services.package_upgrade": packages}
        if self.hold:
            task = {"name": f"{name} that were on hold", "block": [task], "always": [self._hold_again()]}
        elif "series" in self.own and "migrate" not in self.own:  # days may have passed since the first look
            again = self._ask("Ask apt what it installs", packages)
            task = {"name": f"{name} within their series", "block": [*again, task]}
        return {**task, "tags": "step3"}

    def _hold_again(self) -> Task:
        restarts = (
            f"{self._variable}_enable_auto_restarts | default(enable_auto_restarts | default(true)) | bool"
        )
        released = f"{self._register}_hold.released | default([]) | length > 0"
        return {
            "name": "upgrade_tasks | Put the packages on hold again while restarts are off",
            "orderly.services.package_hold": {"units": list(self.units)},
            "when": f"{released} or not ({restarts})",
        }

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


def upgrade_text(service: Service) -> str:
    """Give the ``upgrade_tasks.yml`` of a role that names packages and leaves their upgrade to the recipe.

    Its ``verify.yml`` is run after the upgrade and :data:`HOOKS` in it, where it has them.
    """
    own = [part for part in HOOKS if service.tasks_file(part)]
    recipe = Recipe(
        service.name, service.units, service.packages, Verify(), "", service.deferral == "hold", own
    )
    verify = service.tasks_file("verify") is not None
    return _text([task for task in recipe.upgrade() if verify or "verify.yml" not in task.values()])


class _Dumper(yaml.SafeDumper):
    """Writes out what stands twice, instead of an alias."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - PyYAML asks for each value
        return True


def _text(data: Any) -> str:
    return "---\n" + yaml.dump(data, Dumper=_Dumper, sort_keys=False, default_flow_style=False, width=100)
