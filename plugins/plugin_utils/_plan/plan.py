"""The compiled plan: deployments, plays, and the data that they are written as."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from .._service.budget import slots_of
from .._service.steps import CHANGE_STEPS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .._service.service import Service
    from .._tasks.split import Handler
    from .survey import Survey
FORMAT = 1


@dataclass(frozen=True)
class Deployment:
    """A service, where it is deployed, and what its role brings."""

    service: Service
    hosts: tuple[str, ...]
    steps: frozenset[int]
    parts: frozenset[str] = frozenset()  # of drain, undrain, verify, undo, finalize
    handlers: tuple[Handler, ...] = ()
    migrates_once: bool = False
    no_return: frozenset[str] = frozenset()  # the kinds of plays from which there is no way back
    files: Mapping[str, str] = field(default_factory=dict)  # of the role, with the hash of each

    @property
    def changes(self) -> bool:
        """Tell whether upgrading the service disrupts it."""
        return not self.steps.isdisjoint(CHANGE_STEPS)

    @property
    def slots(self) -> int:
        """Count the hosts that may change at the same time; a full stop takes them all."""
        return (
            len(self.hosts)
            if self.service.full_stop
            else slots_of(self.service.max_unavailable, len(self.hosts))
        )


@dataclass(frozen=True)
class Play:
    """One play of the plan: one kind of work, for some services on some hosts, after a gate.

    ``needs`` lists what must be done on all its hosts before, whatever the run is limited to: ``SERVICE/PART``, or
    ``SERVICE/PART@HOST`` where one host will do; that host may do it in this very play.
    """

    id: str
    kind: str
    title: str
    hosts: tuple[str, ...]
    services: dict[str, tuple[str, ...]]
    needs: tuple[str, ...] = ()


@dataclass(frozen=True)
class Plan:
    """The compiled upgrade.

    ``id`` is the hash of what inventory and roles give, so that a campaign keeps it while versions on hosts change;
    ``hash`` covers the survey too, and is what an approval names. *surveyed* tells when, and is in neither.
    """

    services: dict[str, dict[str, Any]]
    plays: tuple[Play, ...]
    versions: dict[str, str] = field(default_factory=dict)
    survey: Survey | None = None
    surveyed: str | None = None

    def content(self) -> dict[str, Any]:
        """Give the plan as plain data, without its id."""
        return {
            "format": FORMAT,
            "versions": self.versions,
            "services": self.services,
            "plays": [dict(vars(play)) for play in self.plays],
        }

    @cached_property
    def id(self) -> str:
        """Give the content hash of the plan without what was surveyed."""
        return hash_data(self.content())

    @cached_property
    def hash(self) -> str:
        """Give the hash that an approval names: the id, and what was surveyed."""
        return self.id if self.survey is None else hash_data({"id": self.id, "survey": self.survey.as_data()})

    def as_data(self) -> dict[str, Any]:
        """Give all that ``plan.json`` holds."""
        survey = {} if self.survey is None else {"surveyed": self.surveyed, "survey": self.survey.as_data()}
        return {"id": self.id, "hash": self.hash, **self.content(), **survey}

    def as_json(self) -> str:
        """Give the text of ``plan.json``."""
        return json.dumps(self.as_data(), indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def hash_data(data: Any) -> str:
    """Hash plain data by its one JSON text."""
    return hashlib.sha256(canonical(data).encode()).hexdigest()[:16]


def canonical(data: Any) -> str:
    """Give the one JSON text of some data."""
    return json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
