# SPDX-License-Identifier: GPL-3.0-or-later
"""The status of a host as metrics, in the text format that Prometheus' node_exporter collects from files."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, Mapping

if TYPE_CHECKING:
    from typing import Iterable

Labels = Mapping[str, str]
_OF_SERVICES = (
    (
        "without_service",
        "pending_restarts_without_service",
        "Pending units of no service, which no roll restarts.",
    ),
    ("absent_services", "absent_services", "Services of the host of which it has no unit."),
    ("umbrellas", "umbrella_units", "Units of services that only group units that no service has."),
    ("down", "units_down", "Units of services that should run and do not."),
)


@dataclass(frozen=True)
class Metric:
    """A gauge: its name, what it tells, and its values by labels."""

    name: str
    help: str
    samples: tuple[tuple[Labels, float], ...]

    def render(self) -> str:
        """Write it; one without values is left out."""
        if not self.samples:
            return ""
        lines = [f"# HELP {self.name} {self.help}", f"# TYPE {self.name} gauge"]
        lines += [f"{self.name}{_labels(labels)} {_number(value)}" for labels, value in self.samples]
        return "\n".join(lines) + "\n"


def timestamp(iso: str) -> int:
    """Read a time of the report: seconds since 1970."""
    return int(datetime.strptime(iso, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=timezone.utc).timestamp())


def render_failure(now: float) -> str:
    """Say that the status could not be read, so that no old figures pass for news."""
    return _render(_health(now, success=False))


def render_metrics(report: Mapping[str, Any], now: float) -> str:
    """Write the figures of a host, as they are at this time."""
    pending, checked = report["pending"], "outdated" not in report["not_checked"]
    return _render(
        [
            *_health(now, success=True),
            _gauge(
                "auto_restarts",
                "Whether packages may restart every service (1) or not.",
                report["auto_restarts"],
            ),
            _gauge("policy_in_force", "Whether packages ask our policy-rc.d (1) or not.", report["in_force"]),
            _gauge("pending_restarts", "Units that must still be restarted.", len(pending)),
            Metric(
                "orderly_pending_restart_since_timestamp_seconds",
                "Since when a unit has been waiting for its restart or reload.",
                _by_labels(pending),
            ),
            *(
                Metric(f"orderly_{name}", text, (({}, len(report[key])),) if report["services"] else ())
                for key, name, text in _OF_SERVICES
            ),
            Metric(
                "orderly_unit_down",
                "A unit of a service that should run and does not (1), and whether it is down or was stopped.",
                tuple(({key: entry[key] for key in ("unit", "word")}, 1) for entry in report["down"]),
            ),
            Metric(
                "orderly_drained_since_timestamp_seconds",
                "Since when an operation has kept a service of the host out of service, and which one.",
                tuple(
                    (
                        {key: entry[key] for key in ("service", "operation", "roll")},
                        timestamp(entry["since"]),
                    )
                    for entry in report["drained"]
                ),
            ),
            _gauge("paused_units", "Units that an operator has paused.", len(report["paused"])),
            _gauge("held_packages", "Packages that are on hold.", len(report["on_hold"])),
            _gauge("outdated_checked", "Whether replaced files were looked for (1) or not.", checked),
            Metric(
                "orderly_outdated_units",
                "Units that run deleted files although no restart was requested.",
                (({}, len(report["outdated"])),) if checked else (),
            ),
            _gauge("trouble", "Problems that need attention.", len(report["trouble"])),
        ]
    )


def _health(now: float, *, success: bool) -> list[Metric]:
    return [
        _gauge("status_success", "Whether the status of the host could be read (1) or not.", success),
        _gauge("status_timestamp_seconds", "When the status of the host was read.", now),
    ]


def _gauge(name: str, text: str, value: float) -> Metric:
    return Metric(f"orderly_{name}", text, (({}, value),))


def _by_labels(pending: Iterable[Mapping[str, Any]]) -> tuple[tuple[Labels, float], ...]:
    return tuple(
        ({key: str(entry[key]) for key in ("unit", "action", "package")}, timestamp(entry["since"]))
        for entry in pending
    )


def _render(metrics: Iterable[Metric]) -> str:
    return "".join(metric.render() for metric in metrics)


def _labels(labels: Labels) -> str:
    pairs = ",".join(f'{name}="{_escape(value)}"' for name, value in labels.items())
    return f"{{{pairs}}}" if pairs else ""


def _escape(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _number(value: float) -> str:
    return str(int(value))
