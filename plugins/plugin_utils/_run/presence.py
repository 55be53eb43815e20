"""Let other machines see that a run goes on, or that it is over, through the store that they share.

The first action of a run that uses a shared store starts a *heartbeat* (:mod:`.heartbeat`), which lends the store the
document ``run/ID``: it is there while the keeper is heard of, so the run is alive. When the keeper sees the process
of ansible-playbook end, it writes down that the run is over. A document that went away without that word proves
nothing: the machine, or its network, may be gone, or the keeper asleep. Then a person who has looked may say that the
run is over, in any store (:func:`declare_over`). What a machine sees of its own processes always comes first.
"""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING, Any

from .._common import own_process
from .._common.errors import ControllerError
from .._common.shell import extra, playbook
from .._store.formats import broken, checked, written
from .._store.store import PREFIX, StoreError
from .run import Run, RunState, run_state

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from .._store.store import Document, Documents, Store
LIVE_SECONDS = 30  # how long a run is taken to be alive after its keeper was last heard of
REFERRERS = ("lock/", "queue/", "campaign/")  # where a document says which run it belongs to
READY = "announced\n"


class PresenceError(ControllerError):
    """Nobody can be told that a run is over: which one, and why."""


class DeclaredOverError(ControllerError):
    """Somebody has said that this very run is over: who, and why."""


def seen_by(documents: Documents, here: Run) -> Callable[[Run], RunState]:
    """Tell the state of runs as the run *here* can prove it, by itself or by the *documents* of the store."""

    def state_of(run: Run) -> RunState:
        state = run_state(run, here)
        return _told(run, documents) if state is RunState.UNKNOWN else state

    return state_of


def _told(run: Run, documents: Documents) -> RunState:
    key = PREFIX + run.id
    if key not in documents:
        return RunState.UNKNOWN
    document = checked(key, documents[key], state=str)
    try:
        return RunState(document["state"])
    except ValueError as exc:
        raise broken(f'The document "{key}" in the store', str(exc), document) from exc


def is_seen(store: Store, run: Run, documents: Documents) -> bool:
    """Tell whether others see that *run* is alive: by its document, or as they are on its machine as well.

    Raises :class:`DeclaredOverError` where somebody has said that it is over: others may be at work in its place.
    """
    if words := declared_over(run, documents):
        raise DeclaredOverError(words)
    return not store.shared or PREFIX + run.id in documents


def declared_over(run: Run, documents: Documents) -> str:
    """Say who has declared *run* over, and why, to the run itself; nothing where nobody has."""
    if _told(run, documents) is not RunState.OVER:
        return ""
    document = documents[PREFIX + run.id]
    return (
        f"{document.get('by', 'Somebody')} has said that this run, {run.id}, is over "
        f"({document.get('reason', 'no reason given')}), so others may be at work in its place. It does nothing more. "
        "Run the same command again."
    )


def announce(store: Store, run: Run) -> None:
    """Make sure that other machines that use the store can see that *run*, an ancestor of this process, is alive.

    Raises :class:`DeclaredOverError` where somebody has said that it is over.
    """
    if is_seen(store, run, store.read(PREFIX + run.id)):
        return
    keeper = own_process.command(
        "plugins.plugin_utils._run.heartbeat", store.url, json.dumps(run.as_document())
    )
    with subprocess.Popen(
        keeper, env=own_process.environment(), text=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    ) as process:  # fmt: skip
        output = process.stdout.read() if process.stdout else ""
    if output != READY:
        raise StoreError(
            f"This run cannot be announced in the store {store.url}, so others would not wait for it:"
            f" {output.strip() or 'its heartbeat process ended without an error message'}"
        )


def document_of(run: Run, state: RunState, **more: str) -> Document:
    """Write down the state of a run."""
    return written({"state": str(state), "run": run.as_document(), **more})


def declare_over(store: Store, name: str, here: Run, reason: str, by: str) -> Run:
    """Write down that the run of an id is over, as somebody says who has looked; gives that run.

    Raises :class:`PresenceError` where nothing in the store is of such a run, where it is alive, or without a reason.
    """
    if not reason.strip():
        raise PresenceError(
            f"Say how you know that the run {name} is over; whoever looks later will want to know."
        )
    documents = store.read(PREFIX, *REFERRERS)
    runs = {each.id: each for each in runs_in(documents)}
    if name not in runs:
        known = ", ".join(sorted(runs)) or "none"
        raise PresenceError(f"Nothing in the store is of a run {name}; there are: {known}.")
    run = runs[name]
    if seen_by(documents, here)(run) is RunState.LIVE:
        raise PresenceError(
            f"The run {name} is alive: {run}. End it first; then nobody has to say that it is over."
        )
    leave(store, run, reason=reason.strip(), by=by)
    return run


def how_to_end(run: Run) -> str:
    """Tell how to say that a run is over of which nobody can see it."""
    command = playbook("recover", extra("recover_ended_run", run.id), "-e recover_reason=…")
    return f"{command} (with what you know it by)"


def leave(store: Store, run: Run, **more: str) -> None:
    """Write down that *run* is over, as long as some document is still its own, and forget such words elsewhere."""

    def decide(documents: Documents) -> tuple[dict[str, Document | None], None]:
        needed = {PREFIX + each.id for each in runs_in(documents)}
        over = {
            key for key, each in documents.items() if key.startswith(PREFIX) and each.get("state") == "over"
        }
        own = PREFIX + run.id
        changes: dict[str, Document | None] = dict.fromkeys({*over, own} - needed)
        if own in needed:
            changes[own] = document_of(run, RunState.OVER, **more)
        return changes, None

    # Nobody takes anything in the name of a run that is over, so that what was read may change meanwhile.
    store.transact((PREFIX, *REFERRERS), decide, upon=())


def runs_in(documents: Mapping[str, Any]) -> Iterator[Run]:
    """Find every run that a document belongs to, wherever it says so."""
    for key, document in documents.items():
        if (
            key.startswith(REFERRERS) and document.get("state", "open") == "open"
        ):  # of campaigns, those that go on
            yield from _runs_within(document)


def _runs_within(value: Any) -> Iterator[Run]:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    if isinstance(value, dict) and isinstance(value.get("run"), dict):
        yield Run.from_document(value["run"])
    for each in inner:
        yield from _runs_within(each)
