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
    from .runs import CampaignRun

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
    def of(cls, run: CampaignRun) -> At:
        """Read what a run noted; all of it is empty where that was nothing."""
        noted = run.noted.get("at")
        noted = noted if isinstance(noted, dict) else {}
        return cls(**{each.name: str(noted.get(each.name, "")) for each in fields(cls)})

    def as_document(self) -> dict[str, str]:
        """Give it as the store keeps it."""
        return asdict(self)


def outlook(to_the_end: str) -> dict[str, str]:
    """Give what a campaign's document keeps of how long a run takes from now on; empty where that is not known."""
    return {"to_the_end": to_the_end, "estimated": now_text()}


@dataclass(frozen=True)
class RunNow:
    """What can be told of one run of a campaign, which works, or may, or was the last."""

    run: CampaignRun
    state: RunState
    campaign: CampaignNow

    @cached_property
    def at(self) -> At:
        """Tell where it is, or was."""
        return At.of(self.run)

    @property
    def works_on(self) -> Hosts:
        """Name the hosts that it works on, if it still does."""
        return self.campaign.begun(self.is_at)

    def is_at(self, entry: Entry) -> bool:
        """Tell whether it does what an entry of the journal says was begun."""
        is_here = (entry.run, entry.play) == (self.run.run.id, self.at.play or entry.play)
        return is_here and self.state is not RunState.OVER

    @property
    def waits(self) -> str:
        """Say whom or what it waits for."""
        if self.state is RunState.OVER:
            return ""
        now = self.campaign
        return self.at.waits or waits_for(now.locks, now.campaign.id, self.run.run, now.state_of)

    def as_lines(self) -> Iterator[str]:
        """Say where it is, what it waits for, and how long it takes, or who has to look."""
        words = self.state.words
        yield f"{words[0].upper()}{words[1:]}{self._where}"
        if self.waits:
            yield f"It waits for this: {self.waits}."
        if self.state is not RunState.OVER:
            yield self._outlook

    def as_dict(self) -> dict[str, Any]:
        """Give plain data, for other programs."""
        return {
            "run": str(self.state),
            **self.at.as_document(),
            "to_the_end": self.noted("to_the_end"),
            "estimated": self.noted("estimated"),
            "waits": self.waits,
            "works_on": self.works_on,
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
        if self.state is RunState.UNKNOWN:
            return f"Look there. If it is over, say so: {how_to_end(self.run.run)}"
        if how_long := self.noted("to_the_end"):
            return f"From {self.noted('estimated')} to the end: {how_long}."
        return "How long it takes to the end is not known, as none of that was done before."

    def noted(self, key: str) -> str:
        """Give a text that it noted, empty where there is none."""
        return str(self.run.noted.get(key, ""))


@dataclass(frozen=True)
class CampaignNow:
    """What can be told of an open campaign by its document, its journal, and the locks."""

    campaign: Campaign
    progress: Progress
    locks: Locks
    state_of: StateOf

    @cached_property
    def runs(self) -> tuple[RunNow, ...]:
        """Tell of the runs that work, or may; where all are over, of the last one."""
        every = [RunNow(each, self.state_of(each.run), self) for each in self.campaign.runs]
        last = [each for each in every if each.run.run == self.campaign.run]
        return tuple(each for each in every if each.state is not RunState.OVER) or tuple(last)

    @property
    def state(self) -> RunState:
        """Tell whether a run works."""
        states = {each.state for each in self.runs}
        return next((state for state in (RunState.LIVE, RunState.UNKNOWN) if state in states), RunState.OVER)

    @property
    def left_behind(self) -> Hosts:
        """Name the hosts on which something was begun and not done, and nobody works."""
        return self.begun(lambda entry: not any(each.is_at(entry) for each in self.runs))

    @property
    def waits(self) -> str:
        """Say whom or what its runs wait for."""
        return "; ".join(dict.fromkeys(each.waits for each in self.runs if each.waits))

    @property
    def frozen(self) -> dict[str, Freeze]:
        """Tell which of its services nothing is granted of, as somebody said so."""
        services = sorted(self.campaign.document.get("work", {}), key=natural)
        locks = [self.locks[name] for name in services if name in self.locks]
        return {lock.service: lock.frozen for lock in locks if lock.frozen}

    def as_lines(self) -> Iterator[str]:
        """Say it, in a few lines, those of each run under its name where there are several."""
        for each in self.runs:
            yield from ([f"{each.run}:"] if len(self.runs) > 1 else [])
            yield from each.as_lines()
        for service, freeze in self.frozen.items():
            if (frozen := frozen_words(service, freeze)) not in self.waits:
                yield f"{frozen}."
        if self.left_behind:
            yield f"Begun and not done: {_named(self.left_behind)}."
        if self.state is RunState.OVER:
            yield self._how_to_go_on

    def as_dict(self) -> dict[str, Any]:
        """Give plain data, for other programs: of the run that came to a gate last, and of each."""
        runs = sorted(self.runs, key=lambda each: each.at.since)
        return {
            **runs[-1].as_dict(),
            "run": str(self.state),
            "waits": self.waits,
            "works_on": self.begun(lambda entry: any(each.is_at(entry) for each in runs)),
            "left_behind": self.left_behind,
            "frozen": {service: dict(vars(freeze)) for service, freeze in self.frozen.items()},
            "runs": [{"name": str(each.run), **each.as_dict()} for each in runs],
        }

    @property
    def _how_to_go_on(self) -> str:
        back = f"; to put back what was left behind: {playbook('recover')}" if self.left_behind else ""
        folder = str(self.campaign.document.get("folder", "")) or "not noted"
        give_up = how_to_abandon(self.campaign)
        return f"To go on, run the same command again (its plan: {folder}){back}; to give it up: {give_up}"

    def begun(self, is_meant: Callable[[Entry], bool]) -> Hosts:
        """Name the hosts on which something that is meant was begun and not done, by service."""
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
