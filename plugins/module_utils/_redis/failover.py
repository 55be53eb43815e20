# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Let the sentinels make another redis the master, without losing what this one has confirmed.

SENTINEL FAILOVER alone leaves the old master writable until a sentinel notices, about ten seconds later, and what it
confirms meanwhile is lost. So writes are paused here first, until a replica has everything and the old master is told
to follow. The pause ends by itself, whatever becomes of this process.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Callable

from .._host.errors import HostError

if TYPE_CHECKING:
    from .client import Client
    from .state import Entry, State

LOOK_SECONDS = 0.1
"""Between two looks."""


def online(info: Entry) -> list[dict[str, str]]:
    """Give the replicas of a master that are online, each with its address and offset."""
    replicas = [
        dict(pair.split("=", 1) for pair in value.split(","))
        for name, value in info.items()
        if name.startswith("slave") and name[5:].isdigit()
    ]
    return [replica for replica in replicas if replica.get("state") == "online"]


def with_everything(info: Entry, offset: int) -> int:
    """Count the replicas that are online and have got everything up to an offset."""
    return sum(int(each["offset"]) >= offset for each in online(info))


def plan_failover(state: State) -> str:
    """Name the master that has to be handed over; nothing where this server is none that sentinels watch over.

    One that cannot be handed over is a :class:`HostError`.
    """
    if state.unanswered:
        raise HostError(f"Nobody knows whether this is the master: {'; '.join(state.unanswered)}")
    mine = state.mine
    if state.role != "master" or mine is None:
        return ""
    if not online(state.info):
        raise HostError(
            f"The master {mine.name} has no replica that is online and could take over; bring one back."
        )
    return mine.name


class Failover:
    """Hands a master over to one of its replicas."""

    def __init__(
        self,
        server: Client,
        sentinel: Client,
        seconds: float,
        clock: Callable[[], float],
        sleep: Callable[[float], None],
    ) -> None:
        self._server = server
        self._sentinel = sentinel
        self._seconds = seconds
        self._end = clock() + seconds
        self._clock = clock
        self._sleep = sleep
        self.paused = False

    def hand_over(self, name: str) -> str:
        """Let the sentinels fail *name* over, follow the new master, and give its address.

        What goes wrong is a :class:`HostError`; writes are then accepted here again.
        """
        old = self._address(name)
        self.paused = self._server.ask("client", "pause", str(int(self._seconds * 1000)), "write") == "OK"
        try:
            paused = self._server.info()
            offset, replicas = int(paused["master_repl_offset"]), len(online(paused))
            # One that loses its link meanwhile must come back: sentinels may choose it all the same.
            if not self._until(lambda: with_everything(self._server.info(), offset) >= max(replicas, 1)):
                raise HostError(
                    f"The replicas of {name} are still behind it, or away, after {self._seconds:g} s without writes."
                )
            said = self._sentinel.ask("sentinel", "failover", name)
            if said != "OK" and not said.startswith("INPROG"):
                raise HostError(f"The sentinel does not fail {name} over: {said}")
            if not self._until(lambda: self._address(name) != old):
                raise HostError(
                    f"{name} has no other master after {self._seconds:g} s; look at the logs of the sentinels."
                )
            new = self._address(name)
            self._server.do("replicaof", *new)
        finally:
            if self.paused:
                self._server.ask("client", "unpause")
        # As sentinels do it: the file says so too, and clients ask again where the master is.
        self._server.ask("config", "rewrite")
        self._server.ask("client", "kill", "type", "normal")
        return ":".join(new)

    def _address(self, name: str) -> list[str]:
        said = self._sentinel.ask("sentinel", "get-master-addr-by-name", name).split()
        if len(said) != 2:
            raise HostError(f"The sentinel does not know where {name} is: {' '.join(said) or 'nothing'}")
        return said

    def _until(self, is_so: Callable[[], bool]) -> bool:
        while not is_so():
            if self._clock() > self._end:
                return False
            self._sleep(LOOK_SECONDS)
        return True
