"""What a cluster is made of: one file of data for each service, in ``clusters/``."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

CLUSTERS = Path(__file__).with_name("clusters")


@dataclass(frozen=True)
class Refusal:
    """A roll that must be refused: what it would be, and words of the refusal.

    *before* and *after* are scripts by the host on which they run; *rolled* is the host that is rolled, else the
    first without them.
    """

    what: str
    says: str
    variables: Mapping[str, Any] = field(default_factory=dict)
    before: Mapping[str, str] = field(default_factory=dict)
    after: Mapping[str, str] = field(default_factory=dict)
    rolled: str = ""


@dataclass(frozen=True)
class Cluster:
    """The hosts of a service and how they become a cluster; scripts know ``HOST``, ``FIRST`` and ``HOSTS``."""

    name: str
    """Of its file, and of its row; :attr:`service` where nothing else is said."""
    service: str
    hosts: Sequence[str]
    packages: Sequence[str]
    version_of: str
    unit: str
    client: Mapping[str, Any]
    """``protocol``, ``packages`` of Debian that it needs, ``nodes`` where it does not use the hosts themselves, and a
    script ``setup`` of what its host needs to reach them."""
    fault: str = ""
    """The task at whose begin the power of a host is cut."""
    suite: str = "bookworm"
    each: str = ""
    """Run on all hosts, then :attr:`first` on the first of them, then :attr:`others` on one after the other."""
    first: str = ""
    others: str = ""
    state: str = ""
    """Prints what must be the same on all hosts in the end."""
    held: Sequence[str] = ()
    """Packages that an operator has to put on hold while restarts are off."""
    again: Sequence[str] = ()
    """Packages that are offered again with a higher version, besides :attr:`version_of`."""
    also: Sequence[str] = ()
    """Other services of the same hosts, which are upgraded and rebooted with it."""
    balancer: str = ""
    """A host with an haproxy in front of them, as ``in_front.sh`` sets it up."""
    variables: Mapping[str, Any] = field(default_factory=dict)
    point_of_no_return: bool = False
    finalized: str = ""
    """Ends with 0 where the finalizer has done its work; run on the first host."""
    refused: Sequence[Refusal] = ()

    @property
    def victim(self) -> str:
        """The host whose power is cut: neither the first of a wave nor the last, where there are three."""
        return self.hosts[1]

    @property
    def nodes(self) -> Sequence[str]:
        """The hosts that the client knows."""
        return self.client.get("nodes", self.hosts)

    @property
    def all_hosts(self) -> list[str]:
        """All hosts that are to be up, that of the client among them."""
        return [*self.hosts, *self.in_front, "client"]

    @property
    def in_front(self) -> list[str]:
        """The host in front of the others, if there is one."""
        return [self.balancer] if self.balancer else []

    def inventory(self, store: str) -> dict[str, Any]:
        """Give the inventory: the groups, the variables of the service, and where the locks are."""
        groups = {
            name: {"hosts": dict.fromkeys(self.hosts), "vars": dict(self.variables)}
            for name in (self.service, *self.also)
        }
        if self.balancer:
            groups["haproxy"] = {"hosts": {self.balancer: None}, "vars": {}}
        return {"all": {"children": groups, "vars": {"orderly_store": store}}}


def read(name: str, folder: Path | None = None) -> Cluster:
    """Read the cluster of a service, from a folder of one's own or from ours.

    A key that is none is a :class:`ValueError`.
    """
    data = yaml.safe_load(((folder or CLUSTERS) / f"{name}.yml").read_text(encoding="utf-8"))
    known = {each.name for each in fields(Cluster)}
    if unknown := sorted(data.keys() - known):
        raise ValueError(f"clusters/{name}.yml has unknown keys: {', '.join(unknown)}")
    refused = [Refusal(**each) for each in data.pop("refused", [])]
    return Cluster(name=name, refused=refused, **{"service": name, **data})


def names() -> list[str]:
    """Name the services that have a cluster."""
    return sorted(path.stem for path in CLUSTERS.glob("*.yml"))
