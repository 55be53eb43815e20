# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ask a redis, or a sentinel, through its own command-line client."""

from __future__ import annotations

from typing import TYPE_CHECKING, Sequence

from .._host.errors import HostError
from .state import State, Watched, parse_entries, parse_info

if TYPE_CHECKING:
    from .._host.runner import Runner


class Client:
    """The client with its options, as in ``redis-cli -p 26379``."""

    def __init__(self, run: Runner, command: Sequence[str]) -> None:
        self._run = run
        self._command = list(command)

    def ask(self, *words: str) -> str:
        """Send a command, and give the answer, an error of the server's too.

        Where nobody answers, that is a :class:`HostError`.
        """
        argv = [*self._command, *words]
        status, out, err = self._run(argv, environ_update={"LC_ALL": "C.UTF-8"})
        said = out.strip("\r\n")
        # An error of the server's is an answer: older clients end with 0 then, newer ones do so unless told otherwise.
        if status != 0:
            raise HostError(f"{' '.join(argv)} does not answer: {err.strip() or said or status}", rc=status)
        return said

    def do(self, *words: str) -> None:
        """Send a command that must be answered with OK; anything else is a :class:`HostError`."""
        said = self.ask(*words)
        if said != "OK":
            raise HostError(f"{' '.join([*self._command, *words])} was answered with: {said}", answer=said)

    def info(self) -> dict[str, str]:
        """Give what INFO says; a server that says something else (it wants a password, say) is a :class:`HostError`."""
        said = self.ask("info")
        found = parse_info(said)
        if "run_id" not in found:
            raise HostError(f"{' '.join(self._command)} info was answered with: {said or 'nothing'}")
        return found

    def watchers(self) -> int:
        """Count the sentinels that listen at a server; none where it does not say."""
        words = self.ask("pubsub", "numsub", "__sentinel__:hello").split()
        return int(words[-1]) if words and words[-1].isdigit() else 0

    def watched(self) -> list[Watched]:
        """Give what a sentinel says of each of its masters."""
        self.info()  # else an error would be read as a sentinel without masters
        return [
            Watched(
                entry,
                parse_entries(self.ask("sentinel", "slaves", entry["name"])),
                self.ask("sentinel", "ckquorum", entry["name"]).strip(),
            )
            for entry in parse_entries(self.ask("sentinel", "masters"))
        ]


def look(server: Client | None, sentinel: Client | None) -> State:
    """Ask those of the two that are there; who does not answer is said in the state."""
    info: dict[str, str] = {}
    watchers = 0
    watched: list[Watched] = []
    unanswered: list[str] = []
    try:
        info = server.info() if server else {}
        watchers = server.watchers() if server and not sentinel else 0
    except HostError as exc:
        unanswered.append(str(exc))
    try:
        watched = sentinel.watched() if sentinel else []
    except HostError as exc:
        unanswered.append(str(exc))
    return State(server is not None, sentinel is not None, info, watched, unanswered, watchers)
