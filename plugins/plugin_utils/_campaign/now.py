"""An open campaign as it is now, for those who look from another terminal, from what the store tells alone.

A run notes at every gate where it is (:class:`At`) and how long the rest takes; the journal has what it works on, and
the locks what it waits for.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import asdict, dataclass, fields
from functools import cached_property
from typing import TYPE_CHECKING, Any

from .._common.shell import playbook
from .._common.text import listed, natural, now_text, shortened
from .._lock.manager import look_at
from .._lock.report import waits_for
from .._lock.request import frozen_words
from .._run.presence import how_to_end
from .._run.run import RunState
from .campaign import how_to_abandon
from .journal import Journal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from .._lock.lock import Freeze, Locks
    from .._lock.request import StateOf
    from .._run.run import Run
    from .._store.store import Store
    from .campaign import Campaign
    from .journal import Entry, Progress

Hosts = dict[str, list[str]]
"""Hosts by service."""


@dataclass(frozen=True)
class At:
    """The play that a run came to last: its id, what people call it, since when, and the person it waits for, if any.

    A run that has begun, and came to no play yet, has noted since when alone.
    """

    play: str = ""
    title: str = ""
    since: str = ""
    waits: str = ""

    @classmethod
    def of(cls, campaign: Campaign) -> At:
        """Read what the last run noted; all of it is empty where that was none, or an older version."""
        noted = campaign.document.get("at")
        noted = noted if isinstance(noted, dict) else {}
        return cls(**{each.name: str(noted.get(each.name, "")) for each in fields(cls)})

    def as_document(self) -> dict[str, str]:
        """Give it as the store keeps it."""
        return asdict(self)


def outlook(to_the_end: str) -> dict[str, str]:
    """Give what a campaign's document keeps of how long a run takes from now on; empty where that is not known."""
    return {"to_the_end": to_the_end, "estimated": now_text()}


@dataclass(frozen=True)
class CampaignNow:
    """What can be told of an open campaign by its document, its journal, and the locks."""

    campaign: Campaign
    progress: Progress
    locks: Locks
    state_of: StateOf

    @cached_property
    def state(self) -> RunState:
        """Tell whether its last run works."""
        return self.state_of(self.campaign.run)

    @cached_property
    def at(self) -> At:
        """Tell where that run is, or was."""
        return At.of(self.campaign)

    @property
    def works_on(self) -> Hosts:
        """Name the hosts that the run works on, if it still does."""
        return {} if self.state is RunState.OVER else self._begun(self._is_current)

    @property
    def left_behind(self) -> Hosts:
        """Name the hosts on which something was begun and not done, and nobody works."""
        is_over = self.state is RunState.OVER
        return self._begun(lambda entry: is_over or not self._is_current(entry))

    @property
    def waits(self) -> str:
        """Say whom or what the run waits for."""
        if self.state is RunState.OVER:
            return ""
        return self.at.waits or waits_for(self.locks, self.campaign.id, self.campaign.run, self.state_of)

    @property
    def frozen(self) -> dict[str, Freeze]:
        """Tell which of its services nothing is granted of, as somebody said so."""
        services = sorted(self.campaign.document.get("work", {}), key=natural)
        locks = [self.locks[name] for name in services if name in self.locks]
        return {lock.service: lock.frozen for lock in locks if lock.frozen}

    def as_lines(self) -> Iterator[str]:
        """Say it, in a few lines."""
        words = self.state.words
        yield f"{words[0].upper()}{words[1:]}{self._where}"
        if self.waits:
            yield f"It waits for this: {self.waits}."
        for service, freeze in self.frozen.items():
            if (frozen := frozen_words(service, freeze)) not in self.waits:
                yield f"{frozen}."
        if self.left_behind:
            yield f"Begun and not done: {_named(self.left_behind)}."
        yield self._outlook

    def as_dict(self) -> dict[str, Any]:
        """Give plain data, for other programs."""
        return {
            "run": str(self.state),
            **self.at.as_document(),
            "to_the_end": self._noted("to_the_end"),
            "estimated": self._noted("estimated"),
            "waits": self.waits,
            "works_on": self.works_on,
            "left_behind": self.left_behind,
            "frozen": {service: dict(vars(freeze)) for service, freeze in self.frozen.items()},
        }

    @property
    def _where(self) -> str:
        if not self.at.since:
            return "; where in the plan it is was not noted."
        if self.state is RunState.OVER:
            last = f"the last play that it came to: {self.at.title}, {self.at.since}" if self.at.title else ""
            return f"; {last or 'it came to no play'}."
        where = f"in {self.at.title}" if self.at.title else "before its first play"
        hosts = f": {_named(self.works_on)}" if self.works_on else ""
        return f"; {where} since {self.at.since}{hosts}."

    @property
    def _outlook(self) -> str:
        if self.state is RunState.OVER:
            back = f"; to put back what was left behind: {playbook('recover')}" if self.left_behind else ""
            folder = self._noted("folder") or "not noted"
            give_up = how_to_abandon(self.campaign)
            return (
                f"To go on, run the same command again (its plan: {folder}){back}; to give it up: {give_up}"
            )
        if self.state is RunState.UNKNOWN:
            return f"Look there. If it is over, say so: {how_to_end(self.campaign.run)}"
        if how_long := self._noted("to_the_end"):
            return f"From {self._noted('estimated')} to the end: {how_long}."
        return "How long it takes to the end is not known, as none of that was done before."

    def _noted(self, key: str) -> str:
        return str(self.campaign.document.get(key, ""))

    def _is_current(self, entry: Entry) -> bool:
        return (entry.run, entry.play) == (self.campaign.run.id, self.at.play or entry.play)

    def _begun(self, is_meant: Callable[[Entry], bool]) -> Hosts:
        found: defaultdict[str, set[str]] = defaultdict(set)
        for part, hosts in self.progress.entries.items():
            for host, entry in hosts.items():
                if not entry.is_done and is_meant(entry):
                    found[part.partition("/")[0]].add(host)
        return {name: sorted(found[name], key=natural) for name in sorted(found, key=natural)}


def _named(hosts: Mapping[str, list[str]]) -> str:
    return "; ".join(f"{name} on {listed(shortened(each))}" for name, each in hosts.items())


def read_open(store: Store, campaigns: Iterable[Campaign], here: Run) -> dict[str, CampaignNow]:
    """Look at the open ones of some campaigns, as the run *here* can; by their ids.

    :raises StoreError: when the store cannot be used
    :raises BrokenLockError: when a lock in it is broken
    """
    locks, state_of = look_at(store, here)
    return {
        each.id: CampaignNow(each, Journal(store, each.id, here).progress(), locks, state_of)
        for each in campaigns
        if each.is_open
    }
