"""What hosts say about the packages of their services: installed versions, and what apt would install now."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from .._common.text import listed, natural

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    Answer = Mapping[str, Any]

    """The result of ``package_versions_info`` on a host; without ``services`` the host did not answer."""


@dataclass(frozen=True)
class Versions:
    """A package, its installed version and the one that apt would install, and the hosts where it is so."""

    package: str
    installed: str
    candidate: str
    hosts: tuple[str, ...]

    @property
    def is_upgrade(self) -> bool:
        """Tell whether apt would install something other than there is."""
        return bool(self.installed) and self.installed != self.candidate

    def __str__(self) -> str:
        if self.is_upgrade:
            return f"{self.package} {self.installed} → {self.candidate or 'nothing'}"
        return f"{self.package} {self.installed or 'is not installed'}"


@dataclass(frozen=True)
class Survey:
    """The versions of each service's packages, and the hosts that did not answer."""

    services: Mapping[str, tuple[Versions, ...]]
    missing: tuple[str, ...] = ()

    @classmethod
    def of(cls, answers: Mapping[str, Answer], members: Mapping[str, Iterable[str]]) -> Survey:
        """Put the answers of hosts together; *members* names the hosts of each service."""
        found: dict[str, defaultdict[tuple[str, str, str], list[str]]] = {}
        missing: set[str] = set()
        for name, hosts in members.items():
            grouped = found.setdefault(name, defaultdict(list))
            for host in sorted(hosts, key=natural):
                packages = (answers.get(host, {}).get("services") or {}).get(name)
                if packages is None:
                    missing.add(host)
                    continue
                for package, each in packages.items():
                    grouped[package, each["installed"], each["candidate"]].append(host)
        return cls(
            {
                name: tuple(Versions(*key, tuple(hosts)) for key, hosts in sorted(grouped.items()))
                for name, grouped in found.items()
            },
            tuple(sorted(missing, key=natural)),
        )

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Survey:
        """Read what :meth:`as_data` gave."""
        return cls(
            {
                name: tuple(Versions(**{**each, "hosts": tuple(each["hosts"])}) for each in versions)
                for name, versions in data["services"].items()
            },
            tuple(data["missing"]),
        )

    def as_data(self) -> dict[str, Any]:
        """Give plain data, as ``plan.json`` has it."""
        return {
            "services": {
                name: [asdict(each) for each in versions] for name, versions in self.services.items()
            },
            "missing": list(self.missing),
        }

    def by_host(self, service: str) -> dict[str, dict[str, dict[str, str]]]:
        """Give the installed and the candidate version of a service's packages, by host and package."""
        hosts: defaultdict[str, dict[str, dict[str, str]]] = defaultdict(dict)
        for each in self.services.get(service, ()):
            for host in each.hosts:
                hosts[host][each.package] = {"installed": each.installed, "candidate": each.candidate}
        return hosts


def drift_of_versions(approved: Survey, answers: Mapping[str, Answer]) -> tuple[str, ...]:
    """List where apt would install something other than was approved: what was, what is, on which hosts.

    Only hosts in *answers* are compared, and of them only the services that they answer for.
    """
    lines: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    services = sorted({name for answer in answers.values() for name in answer.get("services") or ()})
    expected = {name: approved.by_host(name) for name in services}
    for host in sorted(answers, key=natural):
        if "services" not in answers[host]:
            why = str(answers[host].get("msg") or "no answer").strip().rstrip(".")
            lines["", f"could not be queried: {why}"].append(host)
        for name, packages in (answers[host].get("services") or {}).items():
            for package, words in _differences(expected[name].get(host), packages):
                lines[f"{package} of {name}", words].append(host)
    return tuple(
        f"{what}: {words} ({listed(hosts, 8, ' ')})" if what else f"{listed(hosts, 8, ' ')} {words}"
        for (what, words), hosts in lines.items()
    )


def _differences(
    before: Mapping[str, Mapping[str, str]] | None, now: Mapping[str, Mapping[str, str]]
) -> Iterator[tuple[str, str]]:
    if before is None:
        yield "everything", "was not surveyed when the plan was made"
        return
    for package in sorted(before.keys() | now.keys()):
        was, is_now = (each.get(package, {}).get("candidate") for each in (before, now))
        if was != is_now:
            yield package, f"{was or 'nothing'} was approved, but apt would now install {is_now or 'nothing'}"
