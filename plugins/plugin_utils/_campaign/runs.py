"""The runs of a campaign: any number work on it at once, each on services and hosts that no other is about."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .._common.text import listed, natural, shortened
from .._inventory.selection import Selection
from .._run.run import Run

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from .._plan.plan import Plan
    from .._store.store import Document
    from .gate import Missing

RUNS = "runs"


@dataclass(frozen=True)
class CampaignRun:
    """A run, what it is about, and what it noted of itself."""

    run: Run
    about: Selection
    noted: Mapping[str, Any]

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> CampaignRun:
        """Read it; raises KeyError, TypeError or ValueError where the document is none."""
        about = document["about"]
        only, hosts = (None if about[key] is None else frozenset(about[key]) for key in ("only", "hosts"))
        return cls(Run.from_document(document["run"]), Selection(about["stage"], only, hosts), document)

    def does(self, plan: Plan, missing: Missing) -> bool:
        """Tell whether it is about what is missing."""
        name = missing.part.partition("/")[0]
        has_service = name not in plan.services or self.about.has_service(name, plan.services[name].stage)
        return has_service and self.about.has_host(missing.host)

    def __str__(self) -> str:
        """Say which process it is, and which hosts or services it is about."""
        words = [
            f"{word} {listed(shortened(names) if word == 'hosts' else sorted(names, key=natural))}"
            for word, names in (("services", self.about.only), ("hosts", self.about.hosts))
            if names is not None
        ]
        stage = [f"stage {self.about.stage}"] if self.about.stage else []
        part = "; ".join([*stage, *words])
        return f"{self.run} ({part})" if part else str(self.run)


def document_of(run: Run, about: Selection) -> Document:
    """Write down a run and what it is about, which is all that is None."""
    chosen = {
        key: None if names is None else sorted(names, key=natural)
        for key, names in (("only", about.only), ("hosts", about.hosts))
    }
    return {"run": run.as_document(), "about": {"stage": about.stage, **chosen}}


def hosts_about(plan: Plan, about: Selection) -> set[str]:
    """Name the hosts on which a run is about some service."""
    return {
        host
        for name, service in plan.services.items()
        if about.has_service(name, service.stage)
        for host in service.hosts
        if about.has_host(host)
    }


def overlap(plan: Plan, one: Selection, other: Selection) -> bool:
    """Tell whether two runs are about the same service on the same host."""
    return any(
        one.has_service(name, service.stage)
        and other.has_service(name, service.stage)
        and any(one.has_host(host) and other.has_host(host) for host in service.hosts)
        for name, service in plan.services.items()
    )


def who_does(plan: Plan, missing: Iterable[Missing], living: Sequence[CampaignRun]) -> list[CampaignRun]:
    """Name those of the living runs that are about what is missing; none where some of it is nobody's."""
    does = [[run for run in living if run.does(plan, each)] for each in missing]
    return list({run.run.id: run for runs in does for run in runs}.values()) if all(does) else []
