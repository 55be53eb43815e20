# This is a private utility of the orderly.services collection; it may change without notice.
"""The journal: what each host has done in a campaign, in the same store as the locks.

A campaign is one upgrade of the fleet from begin to end, over as many runs as it takes. It is kept under
``campaign/ID``; what its hosts have done is kept under ``journal/ID/SERVICE/PART``, one document for all hosts. What
is not recorded as done is not done: no host has to report that it failed.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from ._run import Run, RunState
from ._store import StoreError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from ._store import Document, Documents, Store

CAMPAIGNS = "campaign/"
OPEN, ENDED = "open", "ended"
STARTED, DONE = "started", "done"


class JournalError(Exception):
    """The campaign cannot go on in this run."""


@dataclass(frozen=True)
class Entry:
    """The last thing that is known of one part of a service on one host."""

    state: str
    play: str
    since: str
    run: str

    @property
    def is_done(self) -> bool:
        """Tell whether the part is done on the host."""
        return self.state == DONE


@dataclass(frozen=True)
class Progress:
    """What the hosts of a campaign have done: entries by ``SERVICE/PART`` and host."""

    entries: Mapping[str, Mapping[str, Entry]]

    def entry(self, part: str, host: str) -> Entry | None:
        """Give what is known of a part (``SERVICE/PART``) on a host."""
        return self.entries.get(part, {}).get(host)

    def is_done(self, part: str, host: str) -> bool:
        """Tell whether a part (``SERVICE/PART``) is done on a host."""
        entry = self.entry(part, host)
        return entry is not None and entry.is_done


@dataclass(frozen=True)
class Journal:
    """The journal of one campaign; ``run`` is the run that writes it."""

    store: Store
    campaign: str
    run: Run

    def progress(self) -> Progress:
        """Read what the hosts have done."""
        prefix = f"journal/{self.campaign}/"
        documents = self.store.read(prefix)
        return Progress(
            {key.removeprefix(prefix): _entries(key, document) for key, document in documents.items()}
        )

    def record(self, state: str, play: str, parts: Mapping[str, Iterable[str]], now: str) -> None:
        """Record a state for the hosts of some parts (``SERVICE/PART``)."""
        keys = {f"journal/{self.campaign}/{part}": tuple(hosts) for part, hosts in parts.items()}
        entry = asdict(Entry(state, play, now, self.run.id))

        def decide(documents: Documents) -> tuple[dict[str, Document | None], None]:
            return {
                key: {"hosts": {**documents.get(key, {}).get("hosts", {}), **dict.fromkeys(hosts, entry)}}
                for key, hosts in keys.items()
            }, None

        self.store.transact(tuple(keys), decide)

    def end(self, now: str) -> None:
        """End the campaign: everything in its plan is done."""
        key = CAMPAIGNS + self.campaign

        def decide(documents: Documents) -> tuple[dict[str, Document | None], None]:
            return {key: {**documents[key], "state": ENDED, "ended": now}}, None

        self.store.transact((key,), decide)


def open_journal(
    store: Store, plan_id: str, run: Run, state_of: Callable[[Run], RunState], now: str
) -> Journal:
    """Open the journal of the plan's campaign: the open one, or a new one where the last has ended.

    Raises :class:`JournalError` where another run of the same campaign is alive. One that cannot be asked about is
    taken to be over: to run the plan again is to resume its campaign.
    """

    def decide(documents: Documents) -> tuple[dict[str, Document | None], str]:
        ours = {key: document for key, document in documents.items() if document.get("plan") == plan_id}
        key = next((key for key, document in ours.items() if document["state"] == OPEN), None)
        if key is None:
            key = f"{CAMPAIGNS}{plan_id}-{len(ours) + 1}"
            opened: Document = {"plan": plan_id, "state": OPEN, "opened": now}
        else:
            opened = documents[key]
            _check_single_run(opened, run, state_of)
        return {key: {**opened, "run": run.as_document()}}, key.removeprefix(CAMPAIGNS)

    return Journal(store, store.transact((CAMPAIGNS,), decide), run)


def read_journal(store: Store, plan_id: str, run: Run) -> Journal:
    """Find the open campaign of a plan without writing anything; one that does not exist has an empty journal."""
    documents = store.read(CAMPAIGNS)
    found = (key for key, each in documents.items() if each.get("plan") == plan_id and each["state"] == OPEN)
    return Journal(store, next(found, f"{CAMPAIGNS}none").removeprefix(CAMPAIGNS), run)


def _check_single_run(campaign: Document, run: Run, state_of: Callable[[Run], RunState]) -> None:
    other = Run.from_document(campaign["run"])
    if other.id != run.id and state_of(other) == RunState.LIVE:
        raise JournalError(
            f"Another run works on this campaign: {other}. Wait for its end; a campaign has one live run at a time."
        )


def _entries(key: str, document: Document) -> dict[str, Entry]:
    try:
        return {host: Entry(**entry) for host, entry in document["hosts"].items()}
    except (KeyError, TypeError, AttributeError) as exc:
        raise StoreError(
            f'The journal entry "{key}" is broken: {exc!r}. Restore the store from a copy.'
        ) from exc
