"""Judge what systemd on all hosts logged during a roll: who was down when, and who was restarted how often.

A member of a service is down while one of its units is: from the moment systemd begins to stop it, or its process is
gone, until it has started; and while its host is. Units that somebody switched off before the roll do not count.

Who ends what cannot be told from the journal alone, so whoever hurts hosts says when: what is stopped by a job while a
run goes on, and not because its host goes down, was stopped by that run.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

STOPPING, STARTING, STARTED, GONE, POWER_OFF, BOOTED, ASKED, LOOKED_AT = (
    "stopping", "starting", "started", "gone", "power off", "booted", "asked", "looked at",
)  # fmt: skip
WATCHED_SECONDS = 6.0
"""How long after its start a unit that is gone did not survive its restart; later it went down by itself."""
VISIT_SECONDS = 6.0
"""How long after one unit of a member was started its next one is restarted by the same visit."""
FOLLOWS_SECONDS = 1.0
"""How soon systemd stops what is bound to a unit that is gone."""
SILENT_SECONDS = 20.0
"""How long after a host was switched off whoever looks at the members of its service finds it silent."""
UNSEEN_SECONDS = 60.0
"""How long a member may be down without being looked at: about the time from one look to the wave after it."""
BUDGET, UNSEEN = "budget", "unseen"
Where = tuple[str, str]


@dataclass(frozen=True, order=True)
class Event:
    """Something that happened to a unit, or to a host as a whole, at a second of the clock that all hosts share."""

    at: float
    host: str
    what: str
    unit: str = ""

    def __str__(self) -> str:
        """Say it for a person."""
        return f"{self.at:.3f} {self.host} {self.what} {self.unit}".rstrip()


@dataclass(frozen=True)
class Run:
    """A run of a playbook, from its start to its end."""

    start: float
    end: float
    follows_killed: bool = False
    """Whether what a run before it has begun may still go on, as that was killed."""

    def has(self, event: Event) -> bool:
        """Tell whether something happened while it went on."""
        return self.start <= event.at <= self.end


@dataclass(frozen=True)
class Member:
    """A host of a service, with the units that make it one."""

    service: str
    host: str
    units: tuple[str, ...]


@dataclass(frozen=True)
class Scene:
    """What was there when it began: the members, their budgets, and the units that did not run and did not count."""

    members: tuple[Member, ...]
    budgets: Mapping[str, int]
    down: frozenset[Where] = frozenset()
    uncounted: frozenset[Where] = frozenset()


@dataclass
class _State:
    """How things are at a moment, and since when."""

    scene: Scene
    down: dict[Where, float] = field(default_factory=dict)
    by_itself: set[Where] = field(default_factory=set)
    started: dict[Where, float] = field(default_factory=dict)
    off: dict[str, float] = field(default_factory=dict)
    looked_at: dict[str, list[float]] = field(default_factory=dict)
    visited: dict[str, float] = field(default_factory=dict)
    """Since when a run has been at a host: it looks at the host when it is through with it."""

    def since(self, member: Member) -> float | None:
        """Tell since when a member is down, if it is."""
        whens = [self.off[member.host]] if member.host in self.off else []
        places = {(member.host, unit) for unit in member.units} - self.scene.uncounted
        return min([*whens, *(self.down[each] for each in places if each in self.down)], default=None)

    def is_up(self, member: Member, now: float) -> bool:
        """Tell whether it serves, and is not in the middle of its visit, between one unit and the next."""
        places = ((member.host, unit) for unit in member.units)
        visited = any(now - self.started.get(each, -VISIT_SECONDS) < VISIT_SECONDS for each in places)
        return self.since(member) is None and not visited

    def is_unseen(self, member: Member, run: Run, event: Event) -> bool:
        """Tell whether it went down by itself a moment ago, while a run went on that has not looked at it since.

        A run looks before it visits a host. Within a visit it goes from unit to unit without a look at other hosts.
        """
        now = max(run.start, self.visited.get(event.host, event.at))
        since = self.since(member)
        places = {(member.host, unit) for unit in member.units} & self.down.keys()
        by_itself = member.host in self.off or places <= self.by_itself
        seen = max(run.start, self._last_look(member, now), now - UNSEEN_SECONDS)
        return by_itself and since is not None and since > seen

    def _last_look(self, member: Member, now: float) -> float:
        """Tell when a member was looked at last; a host that is off cannot tell, but others of its service were."""
        if member.host not in self.off:
            return self._look_at(member.host, now)
        others = {each.host for each in self.scene.members if each.service == member.service}
        return max((self._look_at(host, now) for host in others), default=0.0) - SILENT_SECONDS

    def _look_at(self, host: str, now: float) -> float:
        return max((look for look in self.looked_at.get(host, ()) if look <= now), default=0.0)

    def take(self, event: Event) -> None:
        """Let an event happen."""
        where = (event.host, event.unit)
        if event.what == POWER_OFF:
            self.off.setdefault(event.host, event.at)
        elif event.what == BOOTED:
            self._boot(event)
        elif event.what in (STOPPING, STARTING, GONE):
            self._go_down(event)
        elif event.what == LOOKED_AT:
            self.looked_at.setdefault(event.host, []).append(event.at)
            self.visited.pop(event.host, None)
        elif event.what == STARTED:
            self.started[where] = event.at
            self.down.pop(where, None)
            self.by_itself.discard(where)

    def _go_down(self, event: Event) -> None:
        where = (event.host, event.unit)
        if event.what == STOPPING:
            self.visited.setdefault(event.host, event.at)
        if where in self.down:
            return
        self.down[where] = event.at
        if event.what == GONE and event.at - self.started.get(where, 0.0) > WATCHED_SECONDS:
            self.by_itself.add(where)  # else it did not survive its restart, which is watched

    def _boot(self, event: Event) -> None:
        """Let no unit of a host run, as long as it has not said that it does."""
        since = self.off.pop(event.host, event.at)
        for member in self.scene.members:
            for unit in member.units if member.host == event.host else ():
                self.down.setdefault((event.host, unit), since)
                self.by_itself.add((event.host, unit))


def told_apart(events: Iterable[Event]) -> list[Event]:
    """Put events in order, and take for gone what systemd stops at once because another unit of the host is gone."""
    ordered, gone, down = [], dict[str, float](), set[Where]()
    for event in sorted(events):
        where = (event.host, event.unit)
        follows = event.what == STOPPING and event.at - gone.get(event.host, 0.0) < FOLLOWS_SECONDS
        if event.what == GONE and where not in down:
            gone[event.host] = event.at
        if event.what in (STOPPING, GONE, STARTING):
            down.add(where)
        elif event.what == STARTED:
            down.discard(where)
        ordered.append(replace(event, what=GONE) if follows else event)
    return ordered


def over_budget(scene: Scene, events: Iterable[Event], runs: Sequence[Run]) -> Iterator[str]:
    """Name every moment at which a run took a member though the budget was used up, or was so *unseen*.

    Unseen is what went down by itself after it was looked at: a run does that before its first wave and between waves,
    and not within a visit.
    """
    state = _State(scene, dict.fromkeys(scene.down, 0.0))
    for event in told_apart(events):
        run = _run_of(event, runs)
        if run and event.what == STOPPING and event.host not in state.off:
            for member in scene.members:
                if event.host == member.host and event.unit in member.units and state.is_up(member, event.at):
                    yield from _one_more(state, member, event, run)
        state.take(event)


def _one_more(state: _State, member: Member, event: Event, run: Run) -> Iterator[str]:
    others = [
        other
        for other in state.scene.members
        if other.service == member.service and other.host != member.host and state.since(other) is not None
    ]
    budget = state.scene.budgets[member.service]
    if len(others) >= budget:
        seen = sum(not state.is_unseen(other, run, event) for other in others)
        down = ", ".join(f"{each.host} since {state.since(each):.3f}" for each in others)
        rule = BUDGET if seen >= budget else UNSEEN
        yield f"{rule}: {member.service} allows {budget} down; down were {down}; then {event}"


def most_down(scene: Scene, events: Iterable[Event]) -> dict[str, int]:
    """Count for each service how many of its members were down at once, for whatever reason."""
    state, most = _State(scene, dict.fromkeys(scene.down, 0.0)), dict.fromkeys(scene.budgets, 0)
    for event in told_apart(events):
        state.take(event)
        down = [member.service for member in scene.members if state.since(member) is not None]
        most = {service: max(number, down.count(service)) for service, number in most.items()}
    return most


def twice(events: Iterable[Event], runs: Sequence[Run], *, once_for_all: bool) -> Iterator[str]:
    """Name units that one run stopped twice; with *once_for_all* also those that a later run restarted again.

    What failed to start may be restarted by the next run, and what was asked for since then.
    """
    stopped: dict[Where, list[Event]] = {}
    well: dict[Where, bool] = {}
    for event in _while_hosts_are_on(told_apart(events)):
        where = (event.host, event.unit)
        if event.what in (STARTED, GONE):
            well[where] = event.what == STARTED
        elif event.what == ASKED:
            stopped.pop(where, None)
        elif event.what == STOPPING and (run := _run_of(event, runs)):
            before = stopped.setdefault(where, [])
            same = [each for each in before if run.has(each)][run.follows_killed :]
            if same or (once_for_all and before and well.get(where)):
                yield f"twice: {(same or before)[-1]}; then {event}"
            before.append(event)


def _while_hosts_are_on(events: Iterable[Event]) -> Iterator[Event]:
    off: set[str] = set()
    for event in events:
        if event.what == POWER_OFF:
            off.add(event.host)
        elif event.what == BOOTED:
            off.discard(event.host)
        elif event.host not in off:
            yield event


def _run_of(event: Event, runs: Iterable[Run]) -> Run | None:
    return next((run for run in runs if run.has(event)), None)


def forgotten(events: Iterable[Event], left_alone: Collection[Where]) -> Iterator[str]:
    """Name units that were asked to restart and never started after that, except for those that are left alone."""
    waits: dict[Where, Event] = {}
    for event in told_apart(events):
        where = (event.host, event.unit)
        if event.what == ASKED and where not in left_alone:
            waits[where] = event
        elif event.what == STARTED:
            waits.pop(where, None)
    yield from (f"forgotten: {event}, and it was not started after that" for event in waits.values())
