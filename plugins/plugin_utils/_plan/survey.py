"""What hosts say about the packages of their services: installed versions, and what apt would install now."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from .._common.answers import unreadable, why_failed
from .._common.text import listed, natural, printable
from .._service.deb_version import VERSION

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    Answer = Mapping[str, Any]

    """The result of ``package_versions_info`` on a host; without ``services`` the host did not answer."""

_SHAPE = {"services": {str: {str: {"installed": str, "candidate": str}}}}
_PACKAGE = re.compile(r"[a-z0-9][a-z0-9+.-]+(:[a-z0-9-]+)?")
_VERSION = re.compile(f"({VERSION})?")
_LONGEST = 200  # of names and versions
_MOST = 1000  # packages of a service


def readable(answers: Mapping[str, Any], members: Mapping[str, Collection[str]]) -> dict[str, Answer]:
    """Read what hosts have answered: names and versions of packages, of the services that each host is a member of.

    An answer that is something else is no answer, and says why.
    """
    return {host: _readable(host, answer, members) for host, answer in answers.items()}


def _readable(host: str, answer: Any, members: Mapping[str, Collection[str]]) -> Answer:
    if "services" not in answer:
        return answer
    if why := unreadable(answer, _SHAPE) or _no_versions(answer["services"]):
        return {"msg": why}
    return {
        "services": {
            name: {
                package: {key: str(each[key]) for key in ("installed", "candidate")}
                for package, each in packages.items()
            }
            for name, packages in answer["services"].items()
            if host in members.get(name, ())
        }
    }


def _no_versions(services: Mapping[str, Mapping[str, Mapping[str, str]]]) -> str:
    """Say which of the names and versions is none that Debian has."""
    for packages in services.values():
        if len(packages) > _MOST:
            return f"its answer cannot be read (it has {len(packages)} packages of a service)"
        for package, each in packages.items():
            named = ((_PACKAGE, package), (_VERSION, each["installed"]), (_VERSION, each["candidate"]))
            for form, word in named:
                if len(word) > _LONGEST or not form.fullmatch(word):
                    kind = "name" if form is _PACKAGE else "version"
                    return f'its answer cannot be read ("{printable(word)}" is no {kind} of a package)'
    return ""


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
    def of(cls, answers: Mapping[str, Answer], members: Mapping[str, Collection[str]]) -> Survey:
        """Put the answers of hosts together; *members* names the hosts of each service."""
        answers = readable(answers, members)
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

    def packages_of(self, service: str) -> list[str]:
        """Name the packages that a service had on any host."""
        return sorted({each.package for each in self.services.get(service, ())})


def drift_of_versions(approved: Survey, answers: Mapping[str, Answer]) -> tuple[str, ...]:
    """List where apt would install something other than was approved: what was, what is, on which hosts.

    Only hosts in *answers* are compared, and of them only the services that they answer for. A package that was not
    recorded, and that apt would leave as it is, is none: an upgrade may change which packages a unit is of.
    """
    lines: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    services = sorted({name for answer in answers.values() for name in answer.get("services") or ()})
    expected = {name: approved.by_host(name) for name in services}
    for host in sorted(answers, key=natural):
        if "services" not in answers[host]:
            why = printable(why_failed(answers[host], "no answer"), 1000)
            lines["", f"could not be queried: {why}"].append(host)
        for name, packages in (answers[host].get("services") or {}).items():
            recorded = approved.packages_of(name)
            for package, words in _differences(expected[name].get(host), packages, recorded):
                lines[f"{package} of {name}", words].append(host)
    return tuple(
        f"{what}: {words} ({listed(hosts, 8, ' ')})" if what else f"{listed(hosts, 8, ' ')} {words}"
        for (what, words), hosts in lines.items()
    )


def _differences(
    before: Mapping[str, Mapping[str, str]] | None,
    now: Mapping[str, Mapping[str, str]],
    recorded: Collection[str],
) -> Iterator[tuple[str, str]]:
    if before is None:
        yield "everything", "was not surveyed when the plan was made"
        return
    for package in sorted(before.keys() | now.keys()):
        was, is_now = (each.get(package, {}).get("candidate") for each in (before, now))
        if was != is_now and not (package not in before and _stays(now[package], package in recorded)):
            yield package, f"{was or 'nothing'} was approved, but apt would now install {is_now or 'nothing'}"


def _stays(versions: Mapping[str, str], is_recorded: bool) -> bool:
    """Tell whether apt would leave a package as it is; one of other hosts that this host has not is not upgraded."""
    installed = versions["installed"]
    return installed == versions["candidate"] or (is_recorded and not installed)
