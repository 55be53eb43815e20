# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a redis and its sentinel say of themselves, and what is wrong with it; valkey says the same."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Iterator, Mapping, Sequence

Entry = Mapping[str, str]

AWAY = ("s_down", "o_down", "disconnected")
"""Flags of an instance that a sentinel does not reach; ``master_down`` says so of a replica's master."""


def parse_info(text: str) -> dict[str, str]:
    """Read the output of INFO, by name; the headings of its sections are left out."""
    pairs = (line.strip().partition(":") for line in text.splitlines() if not line.startswith("#"))
    return {name: value for name, colon, value in pairs if colon}


def parse_entries(text: str) -> list[dict[str, str]]:
    """Read what SENTINEL MASTERS or REPLICAS gives: names and values by turns, each entry beginning with its name."""
    lines = text.splitlines()
    entries: list[dict[str, str]] = []
    for name, value in zip(lines[::2], lines[1::2]):
        if name == "name":
            entries.append({})
        if entries:
            entries[-1][name] = value
    return entries


def usable(answer: str) -> int:
    """Read how many sentinels SENTINEL CKQUORUM finds usable; none where it says nothing of the kind."""
    words = answer.split()
    return int(words[1]) if words[1:2] and words[1].isdigit() else 0


@dataclass(frozen=True)
class Watched:
    """A master as one sentinel sees it, with its replicas."""

    entry: Entry
    replicas: Sequence[Entry]
    quorum_check: str
    """What SENTINEL CKQUORUM said."""

    @property
    def name(self) -> str:
        return self.entry["name"]

    @property
    def address(self) -> str:
        return f"{self.entry.get('ip')}:{self.entry.get('port')}"

    @property
    def sentinels(self) -> int:
        """How many sentinels watch over it, the one that was asked included."""
        return int(self.entry.get("num-other-sentinels", 0)) + 1

    @property
    def usable(self) -> int:
        return usable(self.quorum_check)

    @property
    def needed(self) -> int:
        """How many sentinels a fail-over needs: the quorum that finds the master down, and a majority that elects."""
        return max(int(self.entry.get("quorum", 1)), self.sentinels // 2 + 1)

    def role_of(self, run_id: str) -> str:
        """Name the role that an instance has here, as INFO would; nothing where it is not known."""
        if self.entry.get("runid") == run_id:
            return "master"
        return "slave" if any(replica.get("runid") == run_id for replica in self.replicas) else ""

    def faults(self) -> Iterator[str]:
        """Say what is wrong with it."""
        flags = self.entry.get("flags", "").split(",")
        if flags != ["master"]:
            yield f"its sentinel finds the master {self.name} at {self.address} {', '.join(flags[1:]) or 'gone'}"
        for replica in self.replicas:
            flags = replica.get("flags", "").split(",")
            link = replica.get("master-link-status", "")
            if link != "ok" or any(flag in AWAY for flag in flags):
                yield (
                    f"the replica {replica['name']} of {self.name} is {', '.join(flags)}, its link to the master "
                    f"{link or 'unknown'}; bring it back, or make each sentinel forget it "
                    f"(SENTINEL RESET {self.name})"
                )
        if not self.quorum_check.startswith("OK") or self.usable < self.sentinels:
            yield (
                f"{self.usable} of {self.sentinels} sentinels of {self.name} are usable ({self.quorum_check}); "
                f"bring the others back, or make each sentinel forget them (SENTINEL RESET {self.name})"
            )


@dataclass(frozen=True)
class State:
    """A redis, and the sentinel that is asked about it; either may not be there."""

    has_server: bool = True
    has_sentinel: bool = False
    info: Entry = field(default_factory=dict)
    """Of the server; empty where it does not answer."""
    watched: Sequence[Watched] = ()
    """All masters of the sentinel; none where it does not answer."""
    unanswered: Sequence[str] = ()
    """Who does not answer, and what was said instead."""
    watchers: int = 0
    """How many sentinels listen at the server; counted where none is named."""

    @property
    def role(self) -> str:
        return self.info.get("role", "")

    @property
    def mine(self) -> Watched | None:
        """The master that this server is, or whose replica it is."""
        run_id = self.info.get("run_id", "")
        found = [each for each in self.watched if run_id and each.role_of(run_id)]
        return found[0] if found else None

    def faults(self) -> list[str]:
        """Say what is wrong with it; nothing where it is well."""
        return [*self.unanswered, *self._faults_of_server(), *self._faults_of_sentinel()]

    def _faults_of_server(self) -> Iterator[str]:
        if self.info.get("loading", "0") != "0":
            yield "it still loads its data"
        if self.role == "slave" and self.info.get("master_link_status") != "up":
            master = f"{self.info.get('master_host')}:{self.info.get('master_port')}"
            yield f"its link to its master {master} is {self.info.get('master_link_status')}; look at the log of both"

    def _faults_of_sentinel(self) -> Iterator[str]:
        if self.watchers and not self.has_sentinel:
            yield (
                f"{self.watchers} sentinels watch over it, and none is named that could make another one the master; "
                "name one in sentinel_cli (for the role, redis_sentinel_cli)"
            )
        if not self.has_sentinel or self.unanswered:
            return
        if not self.watched:
            yield "its sentinel watches over no master; configure one (SENTINEL MONITOR)"
        for each in self.watched:
            yield from each.faults()
        if self.has_server and self.watched:
            yield from self._disagreement()

    def _disagreement(self) -> Iterator[str]:
        mine = self.mine
        if mine is None:
            names = ", ".join(each.name for each in self.watched)
            yield f"its sentinel does not know this server, neither as master nor as replica of {names}"
        elif mine.role_of(self.info["run_id"]) != self.role:
            role = mine.role_of(self.info["run_id"])
            yield f"it is a {self.role} by its own account, and a {role} of {mine.name} for its sentinel"

    def indispensable(self) -> list[str]:
        """Say for which masters no fail-over was possible while this host is away."""
        return [
            f"of the {each.sentinels} sentinels of {each.name}, {each.usable - 1} would be left without this one, and "
            f"a fail-over needs {each.needed}"
            for each in self.watched
            if each.usable - 1 < each.needed
        ]
