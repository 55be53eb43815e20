"""How far a roll is: pure bookkeeping of what results tell, lines for people, a report for programs.

A host is done when its slots are given back, and failed when its wave ended before that: the rule of the rolling lock
itself, so it makes no difference whether a host failed, was rescued, became unreachable, or said nothing at all.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from .._common.answers import words_of
from .._common.text import duration, listed, natural, plural, printable, with_services
from .._lock.lock import PAUSE
from .._plan.names import place_as_written

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

HEARTBEAT = (
    60.0  # seconds of silence after which a log is told who is waited for; then twice as long, and so on
)
WAVE, STRETCH = "Wave", "Stretch"
TASKS_SHOWN = 2
WIDEST = 200
LONG = 2000
# Of services, not of our role that goes through them.
PART = re.compile(r"/roles/(?!rolling_op/)(?:orderly_plan_)?([^/]+)/tasks/(drain|undrain)\.yml:")
_OURS = "orderly.services."
LOCK, TURN, GATE = _OURS + "rolling_lock", _OURS + "internal.rolling_turn", _OURS + "internal.upgrade_gate"
# Actions of ours that never ask a host. All that they tell is believed; of what others tell, only what is said here.
BELIEVED = frozenset(
    {LOCK, TURN, GATE, _OURS + "internal.rolling_waves", _OURS + "internal.rolling_recovery"}
)
REGROUPS = frozenset({"ansible.builtin.group_by", "ansible.legacy.group_by"})
AGAIN = "orderly_again"  # the group of hosts that have let others go first


def believed(action: str, told: Mapping[str, Any], *, is_secret: bool = False) -> Mapping[str, Any]:
    """Give what a result may tell about a roll: whatever a host answers is no more than its own change or failure.

    Of a task with ``no_log`` nothing is repeated.
    """
    if action in BELIEVED:
        return told
    kept = ("changed", *(("msg",) if not is_secret else ()), *(("add_group",) if action in REGROUPS else ()))
    return {key: told[key] for key in kept if key in told}


class State(StrEnum):
    """Where a host is on its way through its wave."""

    AT_WORK = "at work"
    DONE = "done"
    FAILED = "failed"
    UNREACHABLE = "unreachable"
    UNFINISHED = "unfinished"
    AGAIN = "to be tried again"
    OUT_OF_SERVICE = "out of service"
    PAUSED = "paused"


LOST = (State.FAILED, State.UNREACHABLE, State.UNFINISHED)


@dataclass
class Visit:
    """One host in one wave."""

    services: tuple[str, ...]
    began: float
    state: State = State.AT_WORK
    seconds: float = 0.0
    why: str = ""


@dataclass
class Wave:
    """Hosts that are disrupted at the same time; times are of the monotonic clock."""

    number: int
    of: int
    began: float
    waited: float
    started: str
    visits: dict[str, Visit] = field(default_factory=dict)
    ended: float | None = None
    pauses: bool = False
    is_stretch: bool = False  # several waves, in which each host begins by itself

    @property
    def title(self) -> str:
        """Tell which wave of how many; finalizers of a plan take slots too, after all waves."""
        return f"{self.kind} {self.number} of {self.of}" if self.number else "Finalizing"

    @property
    def kind(self) -> str:
        """Tell what it is, in a word."""
        return STRETCH if self.is_stretch else WAVE

    @property
    def unfinished(self) -> State:
        """Tell what a host is that keeps its slots though nothing went wrong."""
        return State.PAUSED if self.pauses else State.UNFINISHED

    def in_state(self, *states: State) -> list[str]:
        """Name the hosts in some state."""
        return [host for host, visit in self.visits.items() if visit.state in states]


@dataclass(frozen=True)
class Batch:
    """The play, or the batch of a play with ``serial``, that runs now."""

    key: object
    number: int  # 0 where a plan does something other than a wave
    of: int
    hosts: frozenset[str]
    planned: frozenset[str] = frozenset()  # the hosts of the whole roll
    passed: frozenset[str] = frozenset()  # hosts that earlier runs have done


@dataclass(frozen=True)
class Heard:
    """A task's result on one host."""

    host: str
    task: str
    path: str
    result: Mapping[str, Any]
    state: State | None = None  # FAILED or UNREACHABLE if that is what it was


def batches(hosts: int, serial: Sequence[int | str]) -> list[int]:
    """Give the sizes of the batches in which Ansible takes *hosts* with a play's ``serial``."""
    sizes: list[int] = []
    given = list(serial)
    while sum(sizes) < hosts:
        size = _size(given[min(len(sizes), len(given) - 1)], hosts) if given else hosts
        sizes.append(min(size, hosts - sum(sizes)) if size > 0 else hosts - sum(sizes))
    return sizes


def _size(serial: int | str, hosts: int) -> int:
    text = str(serial)
    return max(int(float(text[:-1]) / 100 * hosts), 1) if text.endswith("%") else int(text)


class Progress:
    """What is known of the rolls of a run; every method that hears something gives the lines to say."""

    def __init__(self) -> None:
        """Know nothing yet."""
        self.waves: list[Wave] = []
        self.slots: dict[str, set[str]] = {}  # host -> services it still holds a slot of
        self.drained: dict[str, set[str]] = {}
        self.refusal = ""
        self.planned: set[str] = set()
        self.batch = Batch(None, 1, 1, frozenset())
        self.task = ""
        self.busy: dict[str, tuple[str, float]] = {}  # host -> the task it works on, and since when
        self.last_news = 0.0
        self._patience = HEARTBEAT
        self._faults: dict[str, tuple[State, str]] = {}
        self._in_line: set[str] = set()  # hosts that have no turn yet, and ask again and again

    # --- What happens ---

    def play(self, batch: Batch, now: float) -> list[str]:
        """Hear that a play, or the next batch of it, begins."""
        lines = self._close(now) if batch.key != self.batch.key else []
        self.batch = batch
        self.planned = (self.planned | batch.planned) - batch.passed
        return lines

    def start(self, host: str, task: str, now: float) -> None:
        """Hear that a host begins with a task."""
        if host in self._in_line:
            return
        self.task = printable(task)
        self.busy[host] = (task, now)
        self._news(now)

    def has_included(self, hosts: Iterable[str]) -> None:
        """Hear that hosts are done with an include, which has no result of its own."""
        for host in hosts:
            self.busy.pop(host, None)

    def hear(self, heard: Heard, now: float, wall: str) -> list[str]:
        """Hear a result."""
        self.busy.pop(heard.host, None)
        if heard.result.get("waits"):
            self._in_line.add(heard.host)
            return []
        self._in_line.discard(heard.host)
        self._news(now)
        if heard.state:
            self._faults[heard.host] = (heard.state, _why(heard))
        self._note_drain(heard)
        result = heard.result
        if heard.state and _is_refusal(result):
            self.refusal = self.refusal or _said(result.get("msg"))
        if "batches" in result and "order" in result:  # the survey names the hosts the roll will visit
            self.planned = set(result["order"])
        takes_slots = self.batch.number or str(result.get("play", "")).startswith("finalize")
        if takes_slots and (granted := _granted(result)):
            return self._begin(granted, result, now, wall)
        if result.get("add_group") == AGAIN:
            self._put_off(heard.host, now)
        if result.get("granted") == {}:  # a wave of an upgrade with nothing left to do
            self.planned -= self.batch.hosts
        return self._given_back(_given_back(result), now)

    def end(self, now: float) -> list[str]:
        """Hear that the run has ended, whether well or not."""
        return self._close(now)

    # --- What there is to say ---

    def silence(self, now: float) -> list[str]:
        """Say who is waited for, after a time in which nothing was heard that is twice as long each time."""
        if not self._open or not self.busy or now - self.last_news < self._patience:
            return []
        self._patience *= 2
        return [f"{self._open.title}: {self._at_work(now)}"]

    def line(self, now: float) -> str:
        """Say it all in one line."""
        counts = (
            f"{self._count(State.DONE)} done, {self._count(State.AT_WORK)} at work, {self.waiting} waiting"
        )
        title = self._open.title if self._open else f"{self._kind} {self.batch.number} of {self.batch.of}"
        parts = [title, f"{counts}, {self.failed} failed", self._at_work(now) if self.busy else self.task]
        return " · ".join(filter(None, parts))

    @property
    def failed(self) -> int:
        """Count the hosts that are lost, or seem so by now."""
        at_work = self._open.in_state(State.AT_WORK) if self._open else []
        return self._count(*LOST) + sum(host in self._faults for host in at_work)

    @property
    def waiting(self) -> int:
        """Count the hosts whose wave has not begun, and those that have let others go first."""
        return len(self.not_begun) + self._count(State.AGAIN)

    @property
    def not_begun(self) -> list[str]:
        """Name the hosts whose wave has not begun."""
        return sorted(self.planned - {host for wave in self.waves for host in wave.visits}, key=natural)

    @property
    def outcome(self) -> str:
        """Say in a word how it ended."""
        return "stopped" if self.refusal or self._kept or self._count(*LOST, State.AGAIN) else "done"

    @property
    def _kept(self) -> dict[str, set[str]]:
        """Give the slots that were not to be kept, by host."""
        paused = {host for wave in self.waves for host in wave.in_state(State.PAUSED)}
        return {host: names for host, names in self.slots.items() if host not in paused}

    def summary(self, command: str) -> list[str]:
        """Say in the end what was done, what was lost, and how to go on; nothing where nothing was rolled."""
        if not self.waves and not (self.refusal and self.planned):
            return []
        seconds = sum((wave.ended or wave.began) - wave.began for wave in self.waves)
        hosts = plural(self._count(State.DONE), "host")
        waves = plural(len(self.waves), self._kind.lower(), "stretches" if self._kind == STRETCH else "")
        done = f"{hosts} done in {waves}, {duration(seconds)}"
        if self.outcome == "done":
            paused = [
                f"{host} ({' '.join(sorted(self.slots[host]))})" for host in sorted(self.slots, key=natural)
            ]
            return (
                [f"Paused, with their slots, until resume_services: {listed(paused)}."]
                if paused
                else [f"{done}."]
            )
        lines = [f"Stopped: {done}; {self._count(*LOST)} failed, {len(self.not_begun)} not begun."]
        lines += [
            f"{host} {visit.state} in {wave.title[:1].lower() + wave.title[1:]}{visit.why and ' at '}{visit.why}"
            for wave in self.waves
            for host, visit in wave.visits.items()
            if visit.state in LOST
        ]
        return lines + self._how_to_go_on(command)

    def report(self) -> dict[str, Any]:
        """Give the same as plain data; seconds are by the monotonic clock."""
        return {
            "outcome": self.outcome,
            "waves": [
                {
                    "number": wave.number,
                    "of": wave.of,
                    "started": wave.started,
                    "waited": round(wave.waited, 1),
                    "seconds": None if wave.ended is None else round(wave.ended - wave.began, 1),
                    "hosts": {
                        host: {
                            "services": list(visit.services),
                            "outcome": str(visit.state),
                            "seconds": round(visit.seconds, 1),
                            "why": visit.why,
                        }
                        for host, visit in wave.visits.items()
                    },
                }
                for wave in self.waves
            ],
            "not_begun": self.not_begun if self.outcome == "stopped" else [],
            "refusal": self.refusal,
            "slots_kept": _sorted(self.slots),
            "drained": _sorted(self.drained),
        }

    # --- How it is kept ---

    @property
    def _open(self) -> Wave | None:
        return self.waves[-1] if self.waves and self.waves[-1].ended is None else None

    @property
    def _kind(self) -> str:
        return self.waves[-1].kind if self.waves else WAVE

    def _count(self, *states: State) -> int:
        last = {host: visit.state for wave in self.waves for host, visit in wave.visits.items()}
        return sum(state in states for state in last.values())

    def _news(self, now: float) -> None:
        self.last_news, self._patience = now, HEARTBEAT

    def _begin(
        self, granted: Mapping[str, Iterable[str]], result: Mapping[str, Any], now: float, wall: str
    ) -> list[str]:
        wave = self._open
        if wave is None:
            wave = Wave(self.batch.number, self.batch.of, now, float(result.get("waited") or 0), wall)
            wave.is_stretch = bool(result.get("in_turn"))
            wave.pauses = result.get("operation") == PAUSE
            self.waves.append(wave)
        for host, names in granted.items():
            wave.visits[host] = Visit(tuple(names), now)
            self.slots.setdefault(host, set()).update(wave.visits[host].services)
            self._faults.pop(host, None)
        for host, reason in (result.get("out_of_service") or {}).items():
            wave.visits[host] = Visit((), now, State.OUT_OF_SERVICE, why=str(reason))
        self.planned |= wave.visits.keys()
        waited = float(result.get("waited") or 0)
        after = f" after waiting {duration(waited)} for its slots" if waited >= 1 else ""
        if not wave.is_stretch:
            return [f"{wave.title} begins{after}: {with_services(granted)}"]
        counts = (
            f"{self._count(State.DONE)} done, {self._count(State.AT_WORK)} at work, {self.waiting} waiting"
        )
        return [f"{wave.title}: {with_services(granted)} begins{after}: {counts}"]

    def _given_back(self, hosts: Mapping[str, Iterable[str] | None], now: float) -> list[str]:
        for host, names in hosts.items():
            kept = self.slots.get(host, set()) - set(self.slots.get(host, ()) if names is None else names)
            if kept:
                self.slots[host] = kept
                continue
            self.slots.pop(host, None)
            visit = self._open.visits.get(host) if self._open else None
            if visit and visit.state is State.AT_WORK:
                visit.state, visit.seconds = State.DONE, now - visit.began
        # Of a stretch others may begin, until the play says that it is over.
        if hosts and self._open and not self._open.is_stretch and not self._open.in_state(State.AT_WORK):
            return self._close(now)
        return []

    def _put_off(self, host: str, now: float) -> None:
        """Hear that a host has given its slots back and waits for another try."""
        self.slots.pop(host, None)
        visit = self._open.visits.get(host) if self._open else None
        if visit:
            visit.state, visit.seconds = State.AGAIN, now - visit.began
            visit.why = self._faults.get(host, (State.AGAIN, ""))[1]

    def _close(self, now: float) -> list[str]:
        """End the wave: whoever has not given its slots back by now will not."""
        wave = self._open
        if wave is None:
            return []
        wave.ended = now
        for host in wave.in_state(State.AT_WORK):
            visit = wave.visits[host]
            visit.state, visit.why = self._faults.get(host, (wave.unfinished, ""))
            visit.seconds = now - visit.began
        lost = wave.in_state(*LOST)
        how = f"failed on {listed(lost)}" if lost else "is done"
        done = self._count(State.DONE, State.PAUSED)
        rest = f"{done} done, {self.waiting} waiting, {self._count(*LOST)} failed"
        return [f"{wave.title} {how} after {duration(now - wave.began)}: {rest}"]

    def _note_drain(self, heard: Heard) -> None:
        part = PART.search(heard.path)
        if part is None:
            return
        service, what = part.groups()
        if what == "drain" and heard.result.get("changed"):
            self.drained.setdefault(heard.host, set()).add(service)
        elif what == "undrain" and not heard.state:
            self.drained.get(heard.host, set()).discard(service)

    def _at_work(self, now: float) -> str:
        """Say who works on what, the longest first: hosts of a wave need not be at the same task."""
        since: dict[str, float] = {}
        hosts: dict[str, list[str]] = {}
        for host, (task, began) in sorted(self.busy.items(), key=lambda item: (item[1][1], natural(item[0]))):
            since.setdefault(task, began)
            hosts.setdefault(task, []).append(host)
        tasks = [
            f'{listed(sorted(hosts[task], key=natural))} at "{printable(task)}" for {duration(now - since[task])}'
            for task in list(since)[:TASKS_SHOWN]
        ]
        rest = sum(len(hosts[task]) for task in list(since)[TASKS_SHOWN:])
        return "; ".join([*tasks, *([f"{plural(rest, 'host')} elsewhere"] if rest else [])])

    def _how_to_go_on(self, command: str) -> list[str]:
        kept = [f"{host} ({' '.join(sorted(names))})" for host, names in _sorted(self._kept).items()]
        drained = [f"{host} ({' '.join(names)})" for host, names in _sorted(self.drained).items()]
        lines = [f"Refused: {self.refusal}"] if self.refusal else []
        lines += [f"Slots kept, and counted as down: {listed(kept)}"] if kept else []
        lines += [f"Still drained: {listed(drained)}"] if drained else []
        if kept:
            lines.append(
                f"To resume, bring {listed(sorted(self._kept, key=natural))} back and run again: {command}"
            )
        return lines


# --- What results mean ---


def _is_refusal(result: Mapping[str, Any]) -> bool:
    """Tell the lock's and the gate's own failures from all others."""
    return result.get("granted") is False or ("play" in result and ("missing" in result or "why" in result))


def _granted(result: Mapping[str, Any]) -> Mapping[str, Iterable[str]]:
    """Tell which services each host got slots of, from the lock's result or from the gate's.

    What a host shares with the one that has asked is told already.
    """
    granted = None if "asked_by" in result else result.get("granted")
    if granted is True:
        return {host: names for host, names in (result.get("slots") or {}).items() if names}
    if not isinstance(granted, dict):
        return {}
    by_host: dict[str, list[str]] = {}
    for service, hosts in granted.items():
        for host in hosts:
            by_host.setdefault(host, []).append(service)
    return by_host


def _given_back(result: Mapping[str, Any]) -> Mapping[str, Iterable[str] | None]:
    """Tell what each host gave back; ``None`` is everything."""
    if isinstance(result.get("done"), dict):
        return {host: None for hosts in result["done"].values() for host in hosts}
    slots = result.get("slots")
    return slots if isinstance(slots, dict) and "granted" not in result else {}


def _said(message: Any) -> str:
    """Repeat a message of ours, in which hosts may be quoted."""
    return "\n".join(printable(line, LONG) for line in str(message or "").strip().splitlines())


def _why(heard: Heard) -> str:
    message = words_of(heard.result.get("msg")).splitlines()
    place = place_as_written(heard.path)
    task = f'"{printable(heard.task)}"' + (f" ({printable(place)})" if place else "")
    return task + (f": {printable(message[0], WIDEST)}" if message else "")


def _sorted(names: Mapping[str, Iterable[str]]) -> dict[str, list[str]]:
    return {host: sorted(names[host]) for host in sorted(names, key=natural) if names[host]}
