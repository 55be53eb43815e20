"""A small world for tests of the rolling lock: runs whose state a test decides, and short ways to ask."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ansible_collections.orderly.services.plugins.plugin_utils._lock_change import (
    force_release,
    release,
    retry,
)
from ansible_collections.orderly.services.plugins.plugin_utils._lock_decision import decide, enqueue
from ansible_collections.orderly.services.plugins.plugin_utils._lock_document import read_locks, write_locks
from ansible_collections.orderly.services.plugins.plugin_utils._lock_request import Claim, Request
from ansible_collections.orderly.services.plugins.plugin_utils._run import Run, RunState

if TYPE_CHECKING:
    from ansible_collections.orderly.services.plugins.plugin_utils._lock import Lock, Locks
    from ansible_collections.orderly.services.plugins.plugin_utils._lock_change import Retried
    from ansible_collections.orderly.services.plugins.plugin_utils._lock_request import (
        Decision,
        Refused,
        Requested,
    )

WEB = frozenset({"web1", "web2", "web3", "web4"})
AT = "2026-01-31T03:12:45+00:00"


def run(pid: int) -> Run:
    return Run(controller="ctl", machine="m", boot="0123456789", namespace="pid:[1]", pid=pid, started=7)


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
    forget: str = "",
    **parts: Any,
) -> Request:
    """Make the request of a run for some hosts; what is not said is as for one nginx at a time."""
    claims = tuple(
        Claim(service, frozenset(hosts.split()), members, budget, may_fail, frozenset(unhealthy.split()))
        for service in services.split()
    )
    roll = roll or f"roll{pid}"
    return Request(roll, run(pid), f"operation{pid}", claims, frozenset(forget.split()), **parts)


class World:
    """All locks of a store, and what is known of every run: alive unless a test says otherwise."""

    def __init__(self) -> None:
        self.locks: Locks = {}
        self.states: dict[Run, RunState] = {}

    def state_of(self, one: Run) -> RunState:
        return self.states.get(one, RunState.LIVE)

    def ends(self, pid: int) -> None:
        self.states[run(pid)] = RunState.OVER

    def is_lost_sight_of(self, pid: int) -> None:
        self.states[run(pid)] = RunState.UNKNOWN

    def apply(self, changes: Locks) -> None:
        """Take changes over as a store would: written down, and read again."""
        self.locks = read_locks(write_locks({**self.locks, **changes}))

    def decide(self, request: Request) -> Decision:
        decision = decide(self.locks, request, self.state_of, AT)
        self.apply(decision.locks)
        return decision

    def asks(self, pid: int, hosts: str, **asked: Any) -> Decision:
        """Let a run ask for slots now."""
        return self.decide(request(pid, hosts, **asked))

    def requests(self, pid: int, hosts: str, callback: str = "", **asked: Any) -> Requested | Refused:
        """Let a run ask for slots later."""
        answer = enqueue(self.locks, request(pid, hosts, callback=callback, **asked), self.state_of, AT)
        self.apply(answer.locks)
        return answer

    def gives(self, pid: int, hosts: str, roll: str = "") -> list[str]:
        """Let a run give slots back; names the hosts of the slots."""
        changes, slots = release(self.locks, roll or f"roll{pid}", run(pid), hosts.split(), AT)
        self.apply(changes)
        return [slot.holder.host for slot in slots]

    def retries(self, pid: int, hosts: str, *, hold: bool, reason: str = "") -> Retried:
        """Let a run say that its operations are to be tried again."""
        changes, retried = retry(
            self.locks, f"roll{pid}", run(pid), hosts.split(), hold=hold, at=AT, reason=reason
        )
        self.apply(changes)
        return retried

    def forces(self, hosts: str, services: str | None = None, reason: str = "checked by hand") -> list[str]:
        """Let an operator give slots back; names the services of the slots."""
        chosen = services.split() if services else None
        changes, slots = force_release(self.locks, hosts.split(), chosen, reason, AT)
        self.apply(changes)
        return [slot.service for slot in slots]

    def holders(self, service: str = "nginx") -> dict[str, int]:
        return {host: holder.run.pid for host, holder in self.lock(service).holders.items()}

    def queue(self, service: str = "nginx") -> list[int]:
        return [waiter.run.pid for waiter in self.lock(service).queue]

    def lock(self, service: str = "nginx") -> Lock:
        return self.locks[service]
