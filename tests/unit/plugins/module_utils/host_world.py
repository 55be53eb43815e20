"""A small world for tests of the host layer: units that can be restarted, and a clock that only moves when told."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

BOOT = "b0070000-0000-4000-8000-000000000001"


_AFTER = {
    "stop": {"ActiveState": "inactive", "SubState": "dead"},
    "start": {"ActiveState": "active", "SubState": "running"},
    "mask": {"LoadState": "masked"},
    "unmask": {"LoadState": "loaded"},
}


def _is_order(command: Sequence[str]) -> bool:
    return command[0] == "systemctl" and command[1] not in ("show", "is-enabled")


@dataclass
class FakeHost:
    """Answers the commands that adapters run; every restart gives a unit its next invocation id."""

    units: dict[str, dict[str, str]] = field(default_factory=dict)
    commands: list[list[str]] = field(default_factory=list)
    refuse_restart: Mapping[str, str] = field(default_factory=dict)
    refuse_start: Mapping[str, str] = field(default_factory=dict)
    after_restart: Mapping[str, dict[str, str]] = field(default_factory=dict)
    dies_after: dict[str, int] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    dragged: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def add(self, unit: str, **properties: str) -> None:
        """Add a unit that runs, or is as the properties say."""
        usual = {
            "Id": unit, "Names": unit, "LoadState": "loaded", "ActiveState": "active", "SubState": "running",
            "InvocationID": f"{unit}-1", "MainPID": "0",
        }  # fmt: skip
        self.units[unit] = {**usual, **properties}

    def run(self, args: Sequence[str], *, environ_update: Mapping[str, str]) -> tuple[int, str, str]:
        """Run a command, as AnsibleModule.run_command does."""
        if environ_update != {"LC_ALL": "C"}:
            raise AssertionError(f"{args} depends on the language of the host")
        self.commands.append(list(args))
        if args[:2] == ["systemctl", "show"]:
            return 0, "\n".join(self._show(name) for name in args[args.index("--") + 1 :]), ""
        if args[:2] == ["systemctl", "restart"]:
            return self._restart(args[-1])
        if args[0] == "systemctl":
            return self._order(args[1], args[args.index("--") + 1 :] if "--" in args else ())
        if args[0] == "systemd-run":
            return 0, "", ""
        if args[0] == "dpkg-query":
            said = "install\tinstalled\tok\t{0}\t{0}\t{1}\n"
            return 0, "".join(said.format(name, version) for name, version in self.versions.items()), ""
        raise AssertionError(f"unexpected command: {args}")

    def _show(self, name: str) -> str:
        self._count_down(name)
        unit = next((unit for unit in self.units.values() if name in unit["Names"].split()), None)
        absent = {
            "Id": name,
            "Names": name,
            "LoadState": "not-found",
            "ActiveState": "inactive",
            "SubState": "dead",
        }
        return "".join(f"{key}={value}\n" for key, value in (unit or absent).items())

    def _count_down(self, name: str) -> None:
        if name in self.restarted and name in self.dies_after:
            self.dies_after[name] -= 1
            if not self.dies_after[name]:
                self.units[name].update(ActiveState="failed", SubState="failed")

    def _restart(self, name: str) -> tuple[int, str, str]:
        if name in self.refuse_restart:
            self.units[name].update(ActiveState="failed", SubState="failed")
            return 1, "", self.refuse_restart[name]
        for each in (name, *self.dragged.get(name, ())):
            unit, number = self.units[each]["InvocationID"].rsplit("-", 1)
            self.units[each].update(
                {"InvocationID": f"{unit}-{int(number) + 1}", **self.after_restart.get(each, {})}
            )
        return 0, "", ""

    def _order(self, verb: str, names: Sequence[str]) -> tuple[int, str, str]:
        if verb == "is-enabled":
            return 0, "enabled\n", ""
        for unit in (self.units[name] for name in names if name in self.units):
            if verb == "start" and unit["Id"] in self.refuse_start:
                return 1, "", self.refuse_start[unit["Id"]]
            unit.update(_AFTER.get(verb, {}))
            if verb == "start":
                unit["InvocationID"] += "-again"
        return 0, "", ""

    @property
    def orders(self) -> list[str]:
        """List what was done to units and to the manager, in order."""
        return [" ".join(command[1:]).replace("-- ", "") for command in self.commands if _is_order(command)]

    @property
    def restarted(self) -> list[str]:
        """Name the units that were restarted, in order."""
        return [command[-1] for command in self.commands if command[:2] == ["systemctl", "restart"]]


@dataclass
class FakeClock:
    """A clock that moves only by sleeping."""

    now: float = 0.0

    def __call__(self) -> float:
        """Tell the time."""
        return self.now

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.now += seconds


def record_text(unit: str, **keys: str) -> str:
    """Write a record as the script does."""
    usual = {
        "action": "restart", "actions": "[restart]", "boot_id": BOOT, "collateral": "false", "count": "1",
        "executables": '["1:10"]', "first_timestamp": "1000", "invocation_id": f"{unit}-1", "package": "demo",
        "package_before": '"1.0"', "policy_requestor_name": "test", "policy_requestor_type": "ansible",
        "reason": "Package update", "service": unit, "timestamp": "2000", "unit": unit,
    }  # fmt: skip
    return "".join(f"{key}: {value}\n" for key, value in {**usual, **keys}.items())
