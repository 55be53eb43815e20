"""What one run of Ansible has learned about deferred restarts, and the line that says it in the end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .._common.text import natural, plural, printable
from .units_of_no_service import of_no_service

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

_SHOWN = 3
_NEXT = "run orderly.services.rolling_restart to do them"


class RunSummary:
    """Keeps the units that wait on every host, by the latest that any result told."""

    def __init__(self) -> None:
        """Know nothing yet."""
        self._waiting: dict[str, dict[str, None]] = {}
        self._of_no_service: dict[str, list[str]] = {}  # units that no roll restarts, by host

    def learn(self, host: str, result: Mapping[str, Any]) -> None:
        """Take what a result tells: all that is pending, a restart that was deferred, restarts that were done."""
        for report in (result, _local_fact(result)):
            if "auto_restarts" in report and isinstance(report.get("pending"), list):
                self._waiting[host] = dict.fromkeys(_names(report["pending"]))
                self._of_no_service[host] = _texts(report.get("without_service"))
        if result.get("deferred") is True:
            self._waiting.setdefault(host, {}).update(dict.fromkeys(_names([{"unit": result.get("name")}])))
        for unit in _restarted(result):
            self._waiting.get(host, {}).pop(unit, None)

    def line(self) -> str:
        """Say what is deferred, and what to do about it; nothing where nothing is."""
        waiting = [
            (unit, host) for host in sorted(self._waiting, key=natural) for unit in self._waiting[host]
        ]
        if not waiting:
            return ""
        hosts = len({host for _unit, host in waiting})
        named = ", ".join(f"{printable(unit)} on {host}" for unit, host in waiting[:_SHOWN])
        alone = [each for each in waiting if self._is_of_no_service(*each)]
        return " ".join(
            (
                f"{plural(len(waiting), 'restart is', 'restarts are')} deferred on {plural(hosts, 'host')} "
                f"({named}{', …' if len(waiting) > _SHOWN else ''})"
                + (f": {_NEXT}" + "." * bool(alone) if len(alone) < len(waiting) else "."),
                *self._alone(alone),
            )
        )

    def _is_of_no_service(self, unit: str, host: str) -> bool:
        return unit in map(_plain, self._of_no_service.get(host, ()))

    def _alone(self, alone: Sequence[tuple[str, str]]) -> Iterator[str]:
        """Say of units that no roll restarts what does."""
        hosts: dict[str, list[str]] = {}
        for name, host in alone:
            unit = next(unit for unit in self._of_no_service[host] if _plain(unit) == name)
            hosts.setdefault(printable(unit), []).append(host)
        return (of_no_service(unit, each) for unit, each in list(hosts.items())[:_SHOWN])


def host_and_result(result: Any) -> tuple[str, Mapping[str, Any]]:
    """Give the host and the values of what a callback got, by the names that ansible-core has had since 2.16."""
    return result._host.get_name(), result._result  # noqa: SLF001 - the public names are younger


def is_secret(result: Any) -> bool:
    """Tell whether a result is of a task with ``no_log``, whatever Ansible has left of it."""
    return bool("censored" in result._result or result._task_fields.get("no_log"))  # noqa: SLF001 - as above


def is_of_host(result: Any) -> bool:
    """Tell whether a result tells of the host that it is filed under: what is delegated was answered by another one."""
    return not result._task.delegate_to  # noqa: SLF001 - as above


def _local_fact(result: Mapping[str, Any]) -> Mapping[str, Any]:
    found: Any = result
    for key in ("ansible_facts", "ansible_local", "orderly"):
        found = found.get(key) if isinstance(found, dict) else None
    return found if isinstance(found, dict) else {}


def _names(entries: Iterable[Any]) -> list[str]:
    """Name units as people do; results have them with and without the suffix of services."""
    units = [entry.get("unit") for entry in entries if isinstance(entry, dict)]
    return [_plain(unit) for unit in units if isinstance(unit, str)]


def _plain(unit: str) -> str:
    return unit.removesuffix(".service")


def _texts(value: Any) -> list[str]:
    return [each for each in value if isinstance(each, str)] if isinstance(value, list) else []


def _restarted(result: Mapping[str, Any]) -> list[str]:
    units = result.get("units")
    done = [
        entry
        for entry in (units if isinstance(units, list) else [])
        if isinstance(entry, dict) and entry.get("result") == "restarted"
    ]
    return _names(done)
