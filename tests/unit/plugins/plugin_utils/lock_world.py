"""A small world for tests of the rolling lock: runs whose state a test decides, and short ways to ask."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ansible_collections.orderly.services.plugins.plugin_utils._lock_decision import Claim, Request, decide
from ansible_collections.orderly.services.plugins.plugin_utils._lock_document import read_locks, write_locks
from ansible_collections.orderly.services.plugins.plugin_utils._run import Run, RunState

if TYPE_CHECKING:
    from ansible_collections.orderly.services.plugins.plugin_utils._lock import Lock, Locks
    from ansible_collections.orderly.services.plugins.plugin_utils._lock_decision import Decision

WEB = frozenset({"web1", "web2", "web3", "web4"})
AT = "2026-01-31T03:12:45+00:00"


def run(pid: int) -> Run:
    return Run(controller="ctl", machine="m", boot="0123456789", namespace="pid:[1]", pid=pid, started=7)


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

    def asks(  # noqa: PLR0913 - as many as a request has parts
        self,
        pid: int,
        hosts: str,
        *,
        roll: str = "",
        services: str = "nginx",
        budget: int | str = 1,
        members: frozenset[str] = WEB,
        forget: str = "",
    ) -> Decision:
        claims = tuple(
            Claim(service, frozenset(hosts.split()), members, budget) for service in services.split()
        )
        return self.decide(
            Request(roll or f"roll{pid}", run(pid), f"operation{pid}", claims, frozenset(forget.split()))
        )

    def holders(self, service: str = "nginx") -> dict[str, int]:
        return {host: holder.run.pid for host, holder in self.lock(service).holders.items()}

    def queue(self, service: str = "nginx") -> list[int]:
        return [waiter.run.pid for waiter in self.lock(service).queue]

    def lock(self, service: str = "nginx") -> Lock:
        return self.locks[service]
