"""The compiled plan: deployments, plays, and the data that they are written as."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from .._common.text import natural
from .._service.budget import slots_of
from .._service.catalogue import PLAN_FILE
from .._service.service import CatalogueError
from .._service.steps import CHANGE_STEPS, FINALIZE
from .._store.formats import FORMAT, check_format
from .._store.store import StoreError
from .survey import Survey

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from pathlib import Path

    from .._service.service import Service
    from .._tasks.split import Handler
AGAIN = "Make the plan again with orderly.services.plan, read it, and approve its hash."
DOWN, KEEPS, NONE = "down", "keeps", "none"


@dataclass(frozen=True)
class Deployment:
    """A service, where it is deployed, and what its role brings."""

    service: Service
    hosts: tuple[str, ...]
    steps: frozenset[int]
    parts: frozenset[str] = frozenset()  # of drain, undrain, verify, undo, finalize
    handlers: tuple[Handler, ...] = ()
    migrates_once: bool = False
    looks_once: bool = False  # a task of a wave runs once for all its hosts
    no_return: frozenset[str] = frozenset()  # the kinds of plays from which there is no way back
    files: Mapping[str, str] = field(default_factory=dict)  # of the role, with the hash of each
    at_once: int | None = None  # how many hosts may change at the same time, where some are out of service

    @property
    def changes(self) -> bool:
        """Tell whether upgrading the service disrupts it."""
        return not self.steps.isdisjoint(CHANGE_STEPS)

    @property
    def slots(self) -> int:
        """Count the hosts that may change at the same time; a full stop takes them all."""
        return self.slots_without(()) if self.at_once is None else self.at_once

    def slots_without(self, away: Collection[str]) -> int:
        """Count them while some are out of service: a percentage is of the other hosts, as the lock counts."""
        if self.service.full_stop:
            return len(self.hosts)
        return slots_of(self.service.max_unavailable, len(set(self.hosts).difference(away)))


@dataclass(frozen=True)
class PlannedService:
    """A service in a plan: its settings as role and inventory give them, and what follows from them.

    In ``after`` and ``requires`` stand names, or mappings where more than a name is said.
    """

    group: str
    units: tuple[str, ...]
    packages: tuple[str, ...]
    stage: str
    after: tuple[Any, ...]
    requires: tuple[Any, ...]
    max_unavailable: int | str
    failure_budget: int
    full_stop: bool
    deferred_actions: tuple[str, ...]
    deferral: str
    dialect: str
    role: str
    origin: str
    hosts: tuple[str, ...]
    slots: int
    steps: tuple[int, ...]
    parts: tuple[str, ...]
    run_once_host: str
    migrates_once: bool
    no_return: tuple[str, ...]
    files: dict[str, str]
    looks_once: bool | None = None
    bundle: str | None = None
    keeps_majority: bool | None = None
    together: tuple[str, ...] | None = (
        None  # the bundle: with which services it changes on hosts that they share
    )

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> PlannedService:
        """Read what ``plan.json`` says of a service."""
        values: dict[str, Any] = {
            key: tuple(value) if isinstance(value, list) else value for key, value in data.items()
        }
        return cls(**values)

    @property
    def changes(self) -> bool:
        """Tell whether upgrading it disrupts it."""
        return not set(CHANGE_STEPS).isdisjoint(self.steps)

    @property
    def finalizes(self) -> bool:
        """Tell whether something is left to do for it when everything is upgraded."""
        return finalizes(self.parts)

    @property
    def is_verified_again(self) -> bool:
        """Tell whether a resumed run can verify it after its change."""
        return "verify" in self.parts and self.changes

    @property
    def befores(self) -> list[str]:
        """Name the services that it comes after."""
        return holding((*self.after, *self.requires))

    @property
    def outage(self) -> str:
        """Tell what users may notice while it is upgraded: it is down, others stay up, or nothing."""
        if not self.changes and not self.finalizes:
            return NONE
        # Fewer slots, because a host is out of service, leave no host more to serve.
        budget = slots_of(self.max_unavailable, len(self.hosts))
        return DOWN if self.full_stop or budget >= len(self.hosts) else KEEPS


@dataclass(frozen=True)
class Play:
    """One play of the plan: one kind of work, for some services on some hosts, after a gate.

    ``needs`` lists what must be done on all its hosts before, whatever the run is limited to: ``SERVICE/PART``, or
    ``SERVICE/PART@HOST`` where one host will do; that host may do it in this very play. ``SERVICE/PART without OTHER``
    leaves out the hosts of another service, with which it changes there.
    """

    id: str
    kind: str
    title: str
    hosts: tuple[str, ...]
    services: dict[str, tuple[str, ...]]
    needs: tuple[str, ...] = ()

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Play:
        """Read what ``plan.json`` says of a play."""
        services = {name: tuple(hosts) for name, hosts in data["services"].items()}
        return cls(
            **{**data, "hosts": tuple(data["hosts"]), "services": services, "needs": tuple(data["needs"])}
        )

    def part(self, service: str) -> str:
        """Name the part of a service that it does, as the journal does."""
        return f"{service}/{self.kind}"

    def seated(self, host_at: Mapping[str, str]) -> Play:
        """Give it with the hosts that have the places of others; itself, where these are its own."""
        if host_at.keys().isdisjoint(self.hosts):
            return self
        services = {name: _seated(hosts, host_at) for name, hosts in self.services.items()}
        if all(services[name] is hosts for name, hosts in self.services.items()):
            return self
        return replace(self, hosts=_seated(self.hosts, host_at), services=services)


def _seated(hosts: tuple[str, ...], host_at: Mapping[str, str]) -> tuple[str, ...]:
    """Give the hosts that have the places of some; these themselves where they change places among each other."""
    moved = host_at.keys() & hosts
    if {host_at[seat] for seat in moved} == moved:  # of ten thousand hosts, sorting takes long
        return hosts
    return tuple(sorted((host_at.get(host, host) for host in hosts), key=natural))


@dataclass(frozen=True)
class Plan:
    """The compiled upgrade.

    ``id`` is the hash of what inventory and roles give, so that a campaign keeps it while versions on hosts change, and
    when this collection is upgraded. ``hash`` is what an approval names: it covers the survey too, the version of the
    collection, and *files*, those of the plan's folder with the hash of each. *surveyed* tells when, and is in neither.
    """

    services: dict[str, PlannedService]
    plays: tuple[Play, ...]
    versions: dict[str, str] = field(default_factory=dict)
    survey: Survey | None = None
    surveyed: str | None = None
    files: dict[str, str] = field(default_factory=dict)

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Plan:
        """Read what :meth:`as_data` gave."""
        return cls(
            {name: PlannedService.from_data(service) for name, service in data["services"].items()},
            tuple(map(Play.from_data, data["plays"])),
            dict(data["versions"]),
            Survey.from_data(data["survey"]) if "survey" in data else None,
            data.get("surveyed"),
            dict(data["files"]),
        )

    @cached_property
    def bundles(self) -> tuple[tuple[str, ...], ...]:
        """Name the services that change together on the hosts that they share, bundle by bundle."""
        found = (service.together for service in self.services.values())
        return tuple(dict.fromkeys(names for names in found if names))

    @cached_property
    def stages(self) -> dict[str, str]:
        """Give the stage of each service."""
        return {name: service.stage for name, service in self.services.items()}

    def play(self, play_id: str) -> Play:
        """Find a play by its id."""
        return next(play for play in self.plays if play.id == play_id)

    def seated(self, seats: Mapping[str, str]) -> Plan:
        """Give it with its hosts in their places; *seats* names for hosts the one whose place they take.

        It is the same plan, of the same id and hash: that hosts find their places when they are asked is part of it.
        """
        if not seats:
            return self
        host_at = {seat: host for host, seat in seats.items()}
        plan = replace(self, plays=tuple(play.seated(host_at) for play in self.plays))
        vars(plan).update(id=self.id, hash=self.hash)
        return plan

    def content(self) -> dict[str, Any]:
        """Give what inventory and roles give, as plain data."""
        return {
            "services": {
                name: {key: value for key, value in vars(service).items() if value is not None}
                for name, service in self.services.items()
            },
            "plays": [dict(vars(play)) for play in self.plays],
        }

    @cached_property
    def work(self) -> dict[str, str]:
        """Give for each service the hash of what is done on a host, whichever hosts there are."""
        return {
            name: hash_data({key: getattr(service, key) for key in _WORK})
            for name, service in self.services.items()
        }

    @cached_property
    def id(self) -> str:
        """Give the hash of what inventory and roles give."""
        return hash_data(self.content())

    @cached_property
    def hash(self) -> str:
        """Give the hash that an approval names: the id, what was surveyed, and what runs."""
        return hash_data({"id": self.id, **self._beside()})

    def _beside(self) -> dict[str, Any]:
        survey = {} if self.survey is None else {"survey": self.survey.as_data()}
        return {"format": FORMAT, "versions": self.versions, "files": self.files, **survey}

    def as_data(self) -> dict[str, Any]:
        """Give all that ``plan.json`` says of the plan."""
        surveyed = {} if self.survey is None else {"surveyed": self.surveyed}
        return {"id": self.id, "hash": self.hash, **self.content(), **self._beside(), **surveyed}

    def as_json(self, **more: Any) -> str:
        """Give the text of ``plan.json``, with *more* that is in no hash."""
        return json.dumps({**self.as_data(), **more}, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def hash_data(data: Any) -> str:
    """Hash plain data by its one JSON text."""
    return hashlib.sha256(canonical(data).encode()).hexdigest()


def short(plan_hash: str) -> str:
    """Shorten an id or a hash for people and for names of folders; what decides compares all of it."""
    return plan_hash[:16]


def canonical(data: Any) -> str:
    """Give the one JSON text of some data."""
    return json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


_WORK = (
    "role", "origin", "dialect", "files", "steps", "parts", "packages", "units", "full_stop", "migrates_once"
)  # fmt: skip
_BESIDE = ("format", "versions", "files", "survey")
_IN_NO_HASH = ("id", "hash", "surveyed", "page", "took")


def hash_of(data: Mapping[str, Any]) -> str:
    """Tell the hash of a plan as ``plan.json`` has it, from its content and not from what it says."""
    return _hashes_of(data)["hash"]


def _hashes_of(data: Mapping[str, Any]) -> dict[str, str]:
    plan_id = hash_data({key: data[key] for key in data if key not in (*_BESIDE, *_IN_NO_HASH)})
    plan_hash = hash_data({"id": plan_id, **{key: data[key] for key in _BESIDE if key in data}})
    return {"id": plan_id, "hash": plan_hash}


def read_plan(folder: Path, *, known: bool = False) -> Plan:
    """Read the plan of a folder; one that is *known* to be as it was made is not looked at again.

    :raises CatalogueError: when there is none, or not the one that was made
    """
    file = folder / PLAN_FILE
    try:
        data = json.loads(file.read_text(encoding="utf-8"))
        check_plan_format(file, data)
        hashes = {key: data[key] for key in ("id", "hash")} if known else _hashes_of(data)
        if hashes["hash"] != data["hash"]:
            raise CatalogueError(f"{file} was edited after it was made. {AGAIN}")
        plan = Plan.from_data(data)
        vars(plan).update(hashes)  # of ten thousand hosts they take long, and here they are known
        return plan
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as exc:
        raise CatalogueError(f"{file} cannot be read as a plan: {exc!r}. {AGAIN}") from exc


def check_held(folder: Path, plan: Plan, plan_id: str | None, begun: str | None = None) -> None:
    """Refuse a plan other than the one whose playbook runs: of that id, and of the hash that the run has *begun* with.

    :raises CatalogueError: when it is another plan by now
    """
    if (plan_id and plan.id != plan_id) or (begun and plan.hash != begun):
        raise CatalogueError(
            f"{folder / PLAN_FILE} is the plan {short(plan.hash)} now, and this run began with another one, which was "
            "replaced meanwhile. Nothing more is touched. Run the same command again, and let others write to a "
            "folder of their own (-e upgrade_plan_dir=FOLDER)."
        )


def held_plan(folder: Path, plan_id: str | None) -> Plan:
    """Read the plan of a folder whose playbook runs.

    :raises CatalogueError: when it is another plan by now
    """
    plan = read_plan(folder)
    check_held(folder, plan, plan_id)
    return plan


def check_plan_format(file: Path, data: Mapping[str, Any]) -> None:
    """Refuse a plan of a format that is not known here.

    :raises CatalogueError: when it is one
    """
    try:
        check_format(str(file), {"version": data["versions"].get("orderly.services"), **data})
    except StoreError as exc:
        raise CatalogueError(str(exc)) from None


def finalizes(parts: Iterable[str]) -> bool:
    """Tell whether something is left to do for a service with these parts when everything is upgraded."""
    return not {"undo", FINALIZE}.isdisjoint(parts)


def holding(entries: Iterable[Any]) -> list[str]:
    """Name the services of some entries of ``after``: those without a condition, or whose condition holds."""
    named = [each for each in entries if isinstance(each, str) or each.get("holds", "when" not in each)]
    return [each if isinstance(each, str) else each["service"] for each in named]
