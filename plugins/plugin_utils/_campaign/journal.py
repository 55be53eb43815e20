"""The journal: what each host has done in a campaign, in the same store as the locks.

A campaign is one upgrade of the fleet from begin to end, over as many runs as it takes; :mod:`.campaign` keeps it
under ``campaign/ID``. What its hosts have done is kept under ``journal/ID/SERVICE/PART``, one document for all hosts,
and how long a part and its steps took under ``seconds/SERVICE/PART``, for the campaigns that follow. What is not
recorded as done is not done: no host has to report that it failed.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from .._store.formats import broken, checked, written

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from .._run.run import Run
    from .._store.store import Document, Documents, Store

STARTED, DONE = "started", "done"
SECONDS = "seconds/"


@dataclass(frozen=True)
class Entry:
    """The last thing that is known of one part of a service on one host.

    ``clock`` is the monotonic clock of the controller, in seconds: it tells how long work took within a run.
    """

    state: str
    play: str
    since: str
    run: str
    clock: float = 0.0

    @property
    def is_done(self) -> bool:
        """Tell whether the part is done on the host."""
        return self.state == DONE


@dataclass(frozen=True)
class Took:
    """The seconds of one part of a service in one play, and of its steps (``step3``) where it has several."""

    seconds: float
    steps: Mapping[str, float] = field(default_factory=dict)

    def as_document(self) -> Document:
        """Give it as the store keeps it."""
        return {"seconds": round(self.seconds, 1), "steps": dict(self.steps)}


@dataclass(frozen=True)
class Progress:
    """What the hosts of a campaign have done: entries by ``SERVICE/PART`` and host."""

    entries: Mapping[str, Mapping[str, Entry]]
    done: Mapping[str, frozenset[str]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        done = {part: _done(hosts) for part, hosts in self.entries.items()}
        object.__setattr__(self, "done", done)

    def entry(self, part: str, host: str) -> Entry | None:
        """Give what is known of a part (``SERVICE/PART``) on a host."""
        return self.entries.get(part, {}).get(host)

    def is_done(self, part: str, host: str) -> bool:
        """Tell whether a part (``SERVICE/PART``) is done on a host."""
        return host in self.done_on(part)

    def done_on(self, part: str) -> frozenset[str]:
        """Name the hosts that a part (``SERVICE/PART``) is done on."""
        return self.done.get(part, frozenset())


@dataclass(frozen=True)
class Journal:
    """The journal of one campaign; ``run`` is the run that writes it."""

    store: Store
    campaign: str
    run: Run

    def progress(self, *parts: str) -> Progress:
        """Read what the hosts have done: all of it, or that of some parts (``SERVICE/PART``)."""
        prefix = f"journal/{self.campaign}/"
        documents = self.store.read(*(prefix + part for part in parts or [""]))
        return Progress(
            {key.removeprefix(prefix): _entries(key, document) for key, document in documents.items()}
        )

    def record(
        self,
        state: str,
        play: str,
        parts: Mapping[str, Iterable[str]],
        now: str,
        clock: float = 0.0,
        took: Mapping[str, Took] | None = None,
    ) -> None:
        """Record a state for the hosts of some parts (``SERVICE/PART``), and how long these took if that is known."""
        keys = {f"journal/{self.campaign}/{part}": tuple(hosts) for part, hosts in parts.items()}
        durations = {SECONDS + part: each.as_document() for part, each in (took or {}).items()}
        entry = Entry(state, play, now, self.run.id, round(clock, 1))

        def decide(documents: Documents) -> tuple[dict[str, Document | None], None]:
            recorded = {
                key: written(_with(key, documents.get(key), entry, hosts), documents.get(key))
                for key, hosts in keys.items()
            }
            times = {key: written(each, documents.get(key)) for key, each in durations.items()}
            return {**recorded, **times}, None

        self.store.transact((*keys, *durations), decide)


def read_seconds(store: Store) -> dict[str, float]:
    """Tell how many seconds each part (``SERVICE/PART``) took in the last play that did it, in whichever campaign.

    Of parts with several steps these are told too, as ``SERVICE/step3``.
    """
    seconds: dict[str, float] = {}
    for key, document in store.read(SECONDS).items():
        part = key.removeprefix(SECONDS)
        service, _slash, _kind = part.partition("/")
        checked(key, document)
        if not all(isinstance(each, int | float) for each in _times(document)):
            raise broken(f'The document "{key}" in the store', "it does not say how long it took", document)
        seconds[part] = float(document["seconds"])
        seconds |= {f"{service}/{step}": float(took) for step, took in document.get("steps", {}).items()}
    return seconds


def _done(hosts: Mapping[str, Entry]) -> frozenset[str]:
    return frozenset(host for host, entry in hosts.items() if entry.state == DONE)


def _with(key: str, document: Document | None, entry: Entry, hosts: Iterable[str]) -> Document:
    """Give what is known with another entry for some hosts.

    Hosts of which the same is known share an entry: ten thousand of them stay readable, and quickly read and changed.
    """
    theirs = set(hosts)
    kept = []
    for each, known in _groups(key, document):
        if each == entry:
            theirs.update(known)
        elif rest := known if theirs.isdisjoint(known) else [host for host in known if host not in theirs]:
            kept.append({**vars(each), "hosts": rest})
    return {"entries": [*kept, {**vars(entry), "hosts": sorted(theirs)}]}


def _times(document: Mapping[str, Any]) -> Iterator[Any]:
    yield document.get("seconds")
    steps = document.get("steps", {})
    yield from steps.values() if isinstance(steps, dict) else [None]


def _entries(key: str, document: Document | None) -> dict[str, Entry]:
    known: dict[str, Entry] = {}
    for entry, hosts in _groups(key, document):
        known.update(dict.fromkeys(hosts, entry))
    return known


def _groups(key: str, document: Document | None) -> list[tuple[Entry, tuple[str, ...]]]:
    """Give each entry with its hosts.

    :raises StoreError: when the document is broken
    """
    if document is None:
        return []
    checked(key, document, entries=list)
    try:
        return [_group(**each) for each in document["entries"]]
    except (KeyError, TypeError, AttributeError, ValueError) as exc:
        raise broken(f'The document "{key}" in the store', repr(exc), document) from exc


def _group(hosts: Iterable[str], **fields: Any) -> tuple[Entry, tuple[str, ...]]:
    return _entry(**fields), tuple(dict.fromkeys(hosts))


@lru_cache(maxsize=8192)
def _entry(**fields: Any) -> Entry:
    """Make an entry once: a play has the same one in the documents of all its services."""
    return Entry(**fields)
