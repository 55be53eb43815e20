"""What part of the fleet a run is about: a stage, some services, some hosts."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .._common.shell import extra
from .._common.text import names_of, natural
from .._service.service import DEFAULT_STAGE, CatalogueError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping


@dataclass(frozen=True)
class Selection:
    """Services and hosts that a run is about; None means all.

    *away* are the hosts that are out of service, by service, with the reasons.
    """

    stage: str | None = None
    only: frozenset[str] | None = None
    hosts: frozenset[str] | None = None
    away: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    @classmethod
    def from_variables(cls, variables: Mapping[str, Any], hosts: Iterable[str] | None = None) -> Selection:
        """Read ``upgrade_stage`` and ``upgrade_only`` (a list, or separated by spaces or commas)."""
        only = names_of(variables.get("upgrade_only"))
        stage = variables.get("upgrade_stage") or None
        return cls(stage, frozenset(only) or None, None if hosts is None else frozenset(hosts))

    @property
    def is_whole(self) -> bool:
        """Tell whether nothing is left out."""
        return self.stage is None and self.only is None and self.hosts is None

    def check(self, stages: Mapping[str, str], bundles: Iterable[Collection[str]] = ()) -> None:
        """Raise where the stage or a service is unknown, by the stage of each service that is there.

        The services of a bundle change together, so the run is about all of them or none.
        """
        if self.stage is not None and self.stage not in stages.values():
            raise CatalogueError(_unknown("upgrade_stage", "stage", self.stage, set(stages.values())))
        for name in self.only or ():
            if name not in stages:
                raise CatalogueError(_unknown("upgrade_only", "service", name, stages))
        for bundle in bundles:
            self._check_bundle(bundle)

    def _check_bundle(self, bundle: Collection[str]) -> None:
        named = [name for name in bundle if name in (self.only or ())]
        missing = [name for name in bundle if name not in named]
        if named and missing:
            together = ",".join(sorted({*(self.only or ()), *missing}, key=natural))
            raise CatalogueError(
                f"upgrade_only names {', '.join(named)} and not {', '.join(missing)}, which change together on the "
                f"hosts that they share. Nothing was touched. Add what is missing: "
                f"{extra('upgrade_only', together)}."
            )

    def has_service(self, name: str, stage: str) -> bool:
        """Tell whether the run is about a service."""
        return self.stage in (None, stage) and (self.only is None or name in self.only)

    def hosts_of(self, service: str, hosts: Iterable[str]) -> list[str]:
        """Leave out the hosts of a service that the run is not about, or that are out of service."""
        return [host for host in hosts if self.has_host(host) and not self.why_away(service, host)]

    def why_away(self, service: str, host: str) -> str:
        """Give the reason for which a host is out of service; an empty text where it is not."""
        return self.away.get(service, {}).get(host, "")

    def has_host(self, name: str) -> bool:
        """Tell whether the run is about a host."""
        return self.hosts is None or name in self.hosts


def _unknown(variable: str, kind: str, name: str, known: Iterable[str]) -> str:
    listed = ", ".join(sorted(known, key=natural))
    none = " No service has a stage of its own: leave it out for all." if listed == DEFAULT_STAGE else ""
    return f'{variable}: unknown {kind} "{name}"; this inventory has: {listed}.{none}'
