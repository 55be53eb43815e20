"""The keeper of a run: a process that lets others see, through a store that they share, that the run is alive.

It lives as long as its ansible-playbook and a moment longer, to write down that the run is over. Where somebody has
written that down before, while nothing was heard of the run, it ends the run instead. It leaves the terminal, and takes
no notice of the signals that end a whole group of processes.
"""

from __future__ import annotations

import json
import os
import select
import signal
import sys
import time
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from .._store.etcd import EtcdStore
from .._store.store import PREFIX, StoreError, open_store
from .presence import LIVE_SECONDS, READY, declared_over, document_of, leave
from .run import Run, RunState, run_state, this_run

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

RENEW_SECONDS = LIVE_SECONDS / 3
LEAVE_SECONDS = 300.0  # an etcd that is upgraded is away for that long
PAUSE_SECONDS = 2.0


def keep(store: EtcdStore, run: Run, ready: Callable[[], None]) -> None:
    """Keep the document of *run* alive until its process has ended, and then write that down.

    Ends the run where somebody has said that it is over, while it was not heard of.
    """
    process = os.pidfd_open(run.pid)
    # Only now is it sure that no other process can get the number unnoticed.
    if run_state(run, this_run()) is not RunState.LIVE:
        return
    store.store_id()  # the first document makes the store
    key, document = PREFIX + run.id, document_of(run, RunState.LIVE)
    lease = store.lend(key, document, LIVE_SECONDS)
    ready()
    while not select.select([process], [], [], RENEW_SECONDS)[0]:
        with suppress(StoreError):  # the store may come back in time, or later
            if store.renew(lease):
                continue
            if words := declared_over(run, store.read(key)):
                _stop(process, run, words)
                return
            lease = store.lend(key, document, LIVE_SECONDS)
    _leave(store, run)


def _stop(process: int, run: Run, words: str) -> None:
    """End a run that works under slots which others may have by now, and say why where it says everything else."""
    with suppress(OSError), Path("/proc", str(run.pid), "fd/2").open("a", encoding="utf-8") as errors:
        errors.write(f"{words}\n")
    with suppress(ProcessLookupError):
        signal.pidfd_send_signal(process, signal.SIGTERM)


def _leave(store: EtcdStore, run: Run) -> None:
    end = time.monotonic() + LEAVE_SECONDS
    while time.monotonic() < end:
        with suppress(StoreError):
            leave(store, run)
            return
        time.sleep(PAUSE_SECONDS)


def _detach() -> None:
    """Become nobody's child: who started us need not wait, and what ends their group does not end us."""
    if os.fork():
        os._exit(0)
    os.setsid()
    os.chdir("/")
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)


def _announced() -> None:
    """Say so, and let go of what we were given to say it with: whoever reads it waits for its end."""
    sys.stdout.write(READY)
    sys.stdout.flush()
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nowhere, stream)
    os.close(nowhere)


def main(arguments: Sequence[str]) -> None:
    """Keep the run of the second argument, a document, in the store of the first."""
    url, run = arguments
    _detach()
    store = open_store(url)
    if isinstance(store, EtcdStore):
        with closing(store), suppress(ProcessLookupError):
            try:
                keep(store, Run.from_document(json.loads(run)), _announced)
            except StoreError as exc:
                sys.stdout.write(f"{exc}\n")


if __name__ == "__main__":
    main(sys.argv[1:])
