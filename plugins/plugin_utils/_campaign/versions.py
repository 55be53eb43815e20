"""Which versions hosts had before a campaign changed them, and after: in the store, beside its journal.

They are kept under ``versions/ID/MOMENT/SERVICE``, one document for all hosts. Nothing here rolls packages back: the
record tells an operator what was there, and a finalizer whether what was done is still so.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .._common.text import natural
from .._store.formats import broken, checked, written

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .._plan.survey import Answer
    from .._store.store import Document, Documents, Store

BEFORE, AFTER = "before", "after"

Installed = dict[str, dict[str, str]]
"""By host, the installed version of each package of a service; empty is a package that is not installed."""


@dataclass(frozen=True)
class VersionRecord:
    """The versions of one campaign."""

    store: Store
    campaign: str

    def read(self, moment: str) -> dict[str, Installed]:
        """Give what hosts had at a moment (``before``, ``after``), by service."""
        prefix = self._key(moment, "")
        documents = self.store.read(prefix)
        return {key.removeprefix(prefix): _installed(key, document) for key, document in documents.items()}

    def keep(self, moment: str, answers: Mapping[str, Answer]) -> None:
        """Keep what hosts have answered.

        What a host had *before* stays the first that was heard of it: a wave that is repeated finds new packages.
        """
        found: defaultdict[str, Installed] = defaultdict(dict)
        for host, answer in answers.items():
            for service, packages in (answer.get("services") or {}).items():
                found[service][host] = {name: each["installed"] for name, each in packages.items()}
        keys = {self._key(moment, service): hosts for service, hosts in found.items() if any(hosts.values())}
        if not keys:
            return

        def decide(documents: Documents) -> tuple[dict[str, Document | None], None]:
            changes: dict[str, Document | None] = {}
            for key, hosts in keys.items():
                known = _installed(key, documents[key]) if key in documents else {}
                both = {**hosts, **known} if moment == BEFORE else {**known, **hosts}
                changes[key] = written(_document(both), documents.get(key))
            return changes, None

        self.store.transact(tuple(keys), decide)

    def _key(self, moment: str, service: str) -> str:
        return f"versions/{self.campaign}/{moment}/{service}"


def say_installed(installed: Mapping[str, Installed]) -> list[str]:
    """Give a line for each service: its packages and their versions, with the number of hosts where they differ."""
    lines = []
    for service in sorted(installed, key=natural):
        counted = Counter(
            (package, version)
            for packages in installed[service].values()
            for package, version in packages.items()
            if version
        )
        hosts = len(installed[service])
        versions = [
            f"{package} {version}" + ("" if number == hosts else f" ({number} of {hosts} hosts)")
            for (package, version), number in sorted(counted.items())
        ]
        lines.append(f"{service}: {', '.join(versions) or 'not installed'}")
    return lines


def _document(hosts: Installed) -> Document:
    """Hosts with the same versions share an entry, as in the journal."""
    grouped: defaultdict[tuple[tuple[str, str], ...], list[str]] = defaultdict(list)
    for host, packages in hosts.items():
        grouped[tuple(sorted(packages.items()))].append(host)
    return {"entries": [{"packages": dict(key), "hosts": sorted(names)} for key, names in grouped.items()]}


def _installed(key: str, document: Document) -> Installed:
    checked(key, document, entries=list)
    try:
        return {host: dict(each["packages"]) for each in document["entries"] for host in each["hosts"]}
    except (KeyError, TypeError, ValueError) as exc:
        raise broken(f'The document "{key}" in the store', repr(exc), document) from exc
