"""A small world for tests of the rolling lock: runs whose state a test decides, and short ways to ask."""

from __future__ import annotations

import json
import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from ansible_collections.orderly.services.plugins.plugin_utils._lock.changes import (
    force_release,
    release,
    retry,
)
from ansible_collections.orderly.services.plugins.plugin_utils._lock.decision import decide, enqueue
from ansible_collections.orderly.services.plugins.plugin_utils._lock.document import (
    LOCKS,
    Changes,
    read_locks,
    write_locks,
)
from ansible_collections.orderly.services.plugins.plugin_utils._lock.request import Claim, Refused, Request
from ansible_collections.orderly.services.plugins.plugin_utils._run.run import Run, RunState
from ansible_collections.orderly.services.plugins.plugin_utils._store.store import is_in

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator

    from ansible_collections.orderly.services.plugins.plugin_utils._lock.changes import Retried
    from ansible_collections.orderly.services.plugins.plugin_utils._lock.lock import Lock, Locks
    from ansible_collections.orderly.services.plugins.plugin_utils._lock.request import (
        Decision,
        Requested,
    )
    from ansible_collections.orderly.services.plugins.plugin_utils._store.store import (
        Documents,
        Part,
        Store,
    )

Result = TypeVar("Result")
WEB = frozenset({"web1", "web2", "web3", "web4"})
AT = "2026-01-31T03:12:45+00:00"


def run(pid: int) -> Run:
    return Run(controller="ctl", machine="m", boot="0123456789", namespace="pid:[1]", pid=pid, started=7)


@contextmanager
def process() -> Iterator[int]:
    """Let a process stand for ansible-playbook: locks ask whether that of a run is alive."""
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE) as cat:
        try:
            yield cat.pid
        finally:
            cat.kill()


def request(  # noqa: PLR0913 - as many as a request has parts
    pid: int,
    hosts: str,
    *,
    roll: str = "",
    services: str = "nginx",
    budget: int | str = 1,
    may_fail: int = 0,
    members: frozenset[str] = WEB,
    unhealthy: str = "",
    domains: str = "",
    forget: str = "",
    **parts: Any,
) -> Request:
    """Make the request of a run for some hosts; what is not said is as for one nginx at a time.

    *domains* has words as in ``web1=a``.
    """
    named = dict(word.split("=") for word in domains.split())
    claims = tuple(
        Claim(
            service, frozenset(hosts.split()), members, budget, may_fail, frozenset(unhealthy.split()), named
        )
        for service in services.split()
    )
    roll = roll or f"roll{pid}"
    return Request(roll, run(pid), f"operation{pid}", claims, frozenset(forget.split()), **parts)


def refused(decision: Decision | Requested) -> Refused:
    """Take it for granted that a run is refused."""
    assert isinstance(decision, Refused), decision
    return decision


class MemoryStore:
    """A store as simple as one can be."""

    url = name = "memory://"
    shared = False

    def __init__(self) -> None:
        self.documents: Documents = {}

    def store_id(self, *, create: bool = True) -> str:  # noqa: ARG002 - there it is
        return "memory"

    def read(self, *parts: Part) -> Documents:
        return {key: body for key, body in self.documents.items() if is_in(key, parts)}

    def transact(
        self,
        parts: tuple[Part, ...],
        decide: Callable[[Documents], tuple[Any, Result]],
        *,
        upon: Collection[str] | None = None,  # noqa: ARG002 - nobody else writes
    ) -> Result:
        changes, result = decide(self.read(*parts))
        self.documents |= json.loads(json.dumps(changes))
        self.documents = {key: document for key, document in self.documents.items() if document is not None}
        return result

    def wait_for_change(self, timeout: float, keys: Collection[str] = ()) -> bool:
        raise NotImplementedError(f"Nobody else writes, so waiting for {timeout} s is in vain.")

    def close(self) -> None:
        pass


class World:
    """All locks of a store, and what is known of every run: alive unless a test says otherwise."""

    def __init__(self, store: Store | None = None) -> None:
        self.store = store or MemoryStore()
        self.states: dict[Run, RunState] = {}

    @property
    def locks(self) -> Locks:
        return read_locks(self.store.read(*LOCKS))

    def state_of(self, one: Run) -> RunState:
        return self.states.get(one, RunState.LIVE)

    def ends(self, pid: int) -> None:
        self.states[run(pid)] = RunState.OVER

    def is_lost_sight_of(self, pid: int) -> None:
        self.states[run(pid)] = RunState.UNKNOWN

    def change(self, function: Callable[[Locks], tuple[Locks, Result]]) -> Result:
        """Change the locks in one transaction of the store."""

        def changed(documents: Documents) -> tuple[Changes, Result]:
            changes, result = function(read_locks(documents))
            return write_locks(changes, documents), result

        return self.store.transact(LOCKS, changed)

    def apply(self, changes: Locks) -> None:
        self.change(lambda _locks: (changes, None))

    def decide(self, request: Request) -> Decision:
        def decided(locks: Locks) -> tuple[Locks, Decision]:
            decision = decide(locks, request, self.state_of, AT)
            return decision.locks, decision

        return self.change(decided)

    def enqueue(self, request: Request) -> Requested | Refused:
        def asked(locks: Locks) -> tuple[Locks, Requested | Refused]:
            answer = enqueue(locks, request, self.state_of, AT)
            return answer.locks, answer

        return self.change(asked)

    def asks(self, pid: int, hosts: str, **asked: Any) -> Decision:
        """Let a run ask for slots now."""
        return self.decide(request(pid, hosts, **asked))

    def requests(self, pid: int, hosts: str, callback: str = "", **asked: Any) -> Requested | Refused:
        """Let a run ask for slots later."""
        return self.enqueue(request(pid, hosts, callback=callback, **asked))

    def gives(self, pid: int, hosts: str, roll: str = "") -> list[str]:
        """Let a run give slots back; names the hosts of the slots."""
        roll = roll or f"roll{pid}"
        slots = self.change(lambda locks: release(locks, roll, run(pid), hosts.split(), AT))
        return [slot.holder.host for slot in slots]

    def retries(self, pid: int, hosts: str, *, hold: bool, reason: str = "", roll: str = "") -> Retried:
        """Let a run say that its operations are to be tried again."""
        roll = roll or f"roll{pid}"
        return self.change(
            lambda locks: retry(locks, roll, run(pid), hosts.split(), hold=hold, at=AT, reason=reason)
        )

    def forces(self, hosts: str, services: str | None = None, reason: str = "checked by hand") -> list[str]:
        """Let an operator give slots back; names the services of the slots."""
        chosen = services.split() if services is not None else None
        slots = self.change(lambda locks: force_release(locks, hosts.split(), chosen, reason, AT))
        return [slot.service for slot in slots]

    def forces_slots(self, hosts: Iterable[str]) -> None:
        """Let an operator give back the slots of hosts, and leave requests for them in the queues."""

        def ended(locks: Locks) -> tuple[Locks, None]:
            return {name: lock.end(hosts, "force_released", AT) for name, lock in locks.items()}, None

        self.change(ended)

    def holders(self, service: str = "nginx") -> dict[str, int]:
        return {host: holder.run.pid for host, holder in self.lock(service).holders.items()}

    def queue(self, service: str = "nginx") -> list[int]:
        return [waiter.run.pid for waiter in self.lock(service).queue]

    def lock(self, service: str = "nginx") -> Lock:
        return self.locks[service]
