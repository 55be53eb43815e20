"""Hosts out of service, as the waves of a plan count them: those of now, or those of a campaign that is open."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .._common.errors import ControllerError
from .._lock import manager
from .._plan.compile import slots_without
from .._store.store import Rehearsal, default_url, open_store
from .campaign import list_campaigns

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from .._plan.plan import Deployment, Plan
    from .._store.store import Store

    Slots = Mapping[str, int]

    """How many hosts of a service may change at once."""


@dataclass(frozen=True)
class Absences:
    """Who is out of service now, by service, and the slots that the plan of each open campaign has, by its id."""

    now: Mapping[str, frozenset[str]] = field(default_factory=dict)
    campaigns: Mapping[str, Slots] = field(default_factory=dict)

    def plan(self, deployments: Iterable[Deployment], compiled: Callable[[Slots], Plan]) -> Plan:
        """Compile the plan of an open campaign, if inventory and roles still give it; else that of now."""
        deployments = tuple(deployments)
        made = _made(slots_without(self.now, deployments), compiled)
        if made.id in self.campaigns:
            return made
        usual = {each.service.name: each.slots for each in deployments}
        here = {name: service.slots for name, service in made.services.items()}
        begun = (
            (plan_id, compiled(slots))
            for plan_id, slots in self.campaigns.items()
            if _could_be_another(slots or usual, here)
        )
        return next((plan for plan_id, plan in begun if plan.id == plan_id), made)


def _could_be_another(slots: Slots, here: Slots) -> bool:
    """Tell whether a campaign's slots can give another plan of these services: a large one is compiled in seconds."""
    return slots.keys() == here.keys() and slots != here


def _made(slots: Slots, compiled: Callable[[Slots], Plan]) -> Plan:
    """Compile a plan; it is another one than with all hosts in service only where its waves are."""
    usual = compiled({})
    if not slots:
        return usual
    made = compiled(slots)
    return usual if made.plays == usual.plays else made


def read_absences(store: Store) -> Absences:
    """Read who is out of service; nothing is written, and no journal is read.

    :raises ControllerError: when the store cannot be used, or something in it is broken
    """
    now = {name: frozenset(hosts) for name, hosts in manager.out_of_service(store).items()}
    return Absences(now, {each.plan: each.slots for each in list_campaigns(store) if each.is_open})


def absences_in(url: str | None, say: Callable[[str], None]) -> Absences:
    """Read who is out of service from the store at *url*, or the default one.

    A plan can be made and read without a store; its gates cannot be passed, so nobody has to be stopped here.
    """
    try:
        with closing(open_store(url or default_url())) as store:
            return read_absences(Rehearsal(store))
    except ControllerError as exc:
        say(f"The waves are planned as if no host was out of service, for that is in the store: {exc}")
        return Absences()
