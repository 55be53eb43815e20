"""Maintenance windows: when operations may begin.

A window is told by wall clocks of one time zone, and belongs to the day on which it starts. Moments are compared, never
wall clocks: a window is one piece of time also in the night when clocks are changed. A time that this night skips is
the moment of the skip; of a time that it has twice, the first counts.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from .._common.errors import ControllerError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
KEYS = ("days", "start", "end", "timezone")
LOOK_AHEAD = 9  # days: a week, one for the time zone, one for a day that a zone left out
EXAMPLE = '{days: [sat, sun], start: "22:00", end: "04:00", timezone: Europe/Berlin}'


class WindowError(ControllerError):
    """A window cannot be read: which one, what was expected."""


@dataclass(frozen=True)
class Window:
    """A time of day, on some days; where it ends before it starts, it ends on the next day."""

    days: frozenset[int]
    start: time
    end: time
    zone: ZoneInfo

    def on(self, day: date) -> tuple[datetime, datetime]:
        """Give the moments between which the window of a day is open."""
        last = day if self.end > self.start else day + timedelta(days=1)
        return _moment(day, self.start, self.zone), _moment(last, self.end, self.zone)

    def openings(self, now: datetime) -> Iterator[tuple[datetime, datetime]]:
        """Give the openings that have not ended yet, in order, for about a week."""
        today = now.astimezone(self.zone).date()
        for offset in range(-2, LOOK_AHEAD):
            day = today + timedelta(days=offset)
            if day.weekday() in self.days:
                opens, closes = self.on(day)
                if now < closes and opens < closes:
                    yield opens, closes


def parse_windows(value: Any) -> tuple[Window, ...]:
    """Read the windows that an inventory gives; raises :class:`WindowError`."""
    if not isinstance(value, list):
        raise WindowError(f"windows: expected a list of windows, as in [{EXAMPLE}], not {value!r}.")
    return tuple(map(_window, value))


def open_until(windows: Sequence[Window], now: datetime) -> datetime | None:
    """Tell when the window that is open now will close; ``None`` where none is open."""
    closing = [closes for window in windows for opens, closes in window.openings(now) if opens <= now]
    return max(closing, default=None)


def next_opening(windows: Sequence[Window], now: datetime) -> datetime | None:
    """Tell when a window opens next, in its own time zone; ``None`` where none will within a week."""
    opening = [
        (opens, window.zone) for window in windows for opens, _closes in window.openings(now) if opens > now
    ]
    if not opening:
        return None
    opens, zone = min(opening, key=lambda each: each[0])
    return opens.astimezone(zone)


def closed(windows: Sequence[Window], now: datetime) -> str:
    """Say that no window is open, and when one will be; empty where one is, or where there are none."""
    if not windows or open_until(windows, now):
        return ""
    opens = next_opening(windows, now)
    when = f"the next one opens at {opens:%A %Y-%m-%d %H:%M} {opens.tzinfo}" if opens else "none opens soon"
    return f"no maintenance window is open; {when}"


def _moment(day: date, clock: time, zone: ZoneInfo) -> datetime:
    """Give the first moment of a day at which clocks in the zone show at least this time."""
    wall_time = datetime.combine(day, clock)
    one, other = sorted(wall_time.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    if _shows(one, zone) >= wall_time:
        return one
    # The clocks skip this time: look for the moment of the skip between two that are surely on either side.
    while other - one > timedelta(seconds=1):
        middle = one + (other - one) / 2
        one, other = (one, middle) if _shows(middle, zone) >= wall_time else (middle, other)
    return other.replace(microsecond=0)


def _shows(moment: datetime, zone: ZoneInfo) -> datetime:
    return moment.astimezone(zone).replace(tzinfo=None)


def _window(value: Any) -> Window:
    if not isinstance(value, dict) or not {"start", "end", "timezone"} <= value.keys() <= set(KEYS):
        raise WindowError(
            f"windows: {value!r} is not a window; expected start, end, timezone, and days if not all, as in {EXAMPLE}."
        )
    return Window(_days(value), _clock(value, "start"), _clock(value, "end"), _zone(value["timezone"]))


def _days(value: Mapping[str, Any]) -> frozenset[int]:
    days = value.get("days", list(DAYS))
    names = [str(day).lower()[:3] for day in days] if isinstance(days, list) else []
    if not names or not set(names) <= set(DAYS):
        raise WindowError(f"windows: days is {days!r}; expected a list of {', '.join(DAYS)}.")
    return frozenset(map(DAYS.index, names))


def _clock(value: Mapping[str, Any], key: str) -> time:
    given = value[key]
    if isinstance(given, int) and not isinstance(given, bool) and 0 <= given < 24 * 60:
        return time(given // 60, given % 60)  # YAML reads 22:00 without quotes as a number, 22 * 60
    try:
        return datetime.strptime(str(given), "%H:%M").time()
    except ValueError:
        raise WindowError(f'windows: {key} is {given!r}; expected a time of day, as in "22:00".') from None


def _zone(name: Any) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (KeyError, OSError, TypeError, ValueError):
        raise WindowError(
            f"windows: timezone is {name!r}, which this controller does not know; expected a name such as "
            "Europe/Berlin or UTC (the package tzdata provides them)."
        ) from None
