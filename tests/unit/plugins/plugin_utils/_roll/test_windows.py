from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from ansible_collections.orderly.services.plugins.plugin_utils._roll.windows import (
    DAYS,
    WindowError,
    closed,
    next_opening,
    open_until,
    parse_windows,
)
from hypothesis import given
from hypothesis import strategies as st

BERLIN = ZoneInfo("Europe/Berlin")


def windows(start: Any, end: Any, days: Any = None, timezone: str = "Europe/Berlin") -> Any:
    days = {"days": days} if days else {}
    return parse_windows([{"start": start, "end": end, "timezone": timezone, **days}])


def at(text: str, zone: ZoneInfo = BERLIN, fold: int = 0) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=zone, fold=fold)


# 2026-01-30 is a Friday.
NIGHT = {"start": "22:00", "end": "04:00", "days": ["fri"]}
CASES = [
    ("2026-01-30T21:59:59", False),
    ("2026-01-30T22:00", True),
    ("2026-01-31T03:59:59", True),  # a Saturday, but the window is Friday's
    ("2026-01-31T04:00", False),
    ("2026-01-31T22:30", False),
    ("2026-01-30T03:00", False),  # a Friday, but this night is Thursday's
]


@pytest.mark.parametrize(("moment", "is_open"), CASES)
def test_a_window_over_midnight_belongs_to_the_day_on_which_it_starts(moment: str, is_open: bool) -> None:
    assert (open_until(windows(**NIGHT), at(moment)) is not None) == is_open


def test_the_time_zone_is_the_windows_own() -> None:
    assert open_until(windows(**NIGHT), datetime(2026, 1, 30, 21, 0, tzinfo=UTC))  # 22:00 in Berlin
    assert not open_until(windows(**NIGHT, timezone="UTC"), datetime(2026, 1, 30, 21, 0, tzinfo=UTC))


def test_the_night_in_which_clocks_go_forward_skips_no_window() -> None:
    (window,) = windows("02:30", "04:00")  # clocks go from 02:00 to 03:00
    opens, closes = window.on(date(2026, 3, 29))
    assert (opens.astimezone(UTC).hour, closes.astimezone(UTC).hour) == (1, 2)
    assert opens.astimezone(BERLIN).hour == 3


def test_a_window_inside_the_hour_that_is_skipped_never_opens() -> None:
    assert open_until(windows("02:10", "02:50"), at("2026-03-29T03:00")) is None


def test_the_night_in_which_clocks_go_back_has_the_window_in_one_piece() -> None:
    (window,) = windows("02:30", "03:30")  # clocks go from 03:00 to 02:00
    opens, closes = window.on(date(2026, 10, 25))
    assert closes - opens == timedelta(hours=2)
    assert open_until((window,), at("2026-10-25T02:10", fold=1))  # the second 02:10 is within


def test_a_window_that_ends_as_it_starts_is_a_whole_day() -> None:
    (window,) = windows("06:00", "06:00", ["sun"])
    opens, closes = window.on(date(2026, 1, 4))
    assert closes - opens == timedelta(days=1)


def test_says_when_the_next_window_opens() -> None:
    both = (*windows(**NIGHT), *windows("12:00", "13:00", ["mon"]))
    assert next_opening(both, at("2026-01-31T04:00")) == at("2026-02-02T12:00")
    assert closed(both, at("2026-01-31T04:00")) == (
        "no maintenance window is open; the next one opens at Monday 2026-02-02 12:00 Europe/Berlin"
    )


def test_without_windows_it_is_always_time() -> None:
    assert closed((), at("2026-01-31T04:00")) == ""


def test_a_time_without_quotes_is_what_yaml_makes_of_it() -> None:
    assert windows(22 * 60, "04:00") == windows("22:00", "04:00")


BAD = [
    ("22:00-04:00", "expected a list of windows"),
    ([{"start": "22:00", "end": "04:00"}], "expected start, end, timezone"),
    ([{"start": "22:00", "end": "04:00", "timezone": "CET/Berlin"}], "does not know"),
    ([{"start": "22:00", "end": "25:00", "timezone": "UTC"}], "end is '25:00'; expected a time of day"),
    ([{"start": "22:00", "end": "23:00", "timezone": "UTC", "days": ["fryday"]}], "expected a list of mon"),
    ([{"start": "22:00", "end": "23:00", "timezone": "UTC", "day": ["fri"]}], "is not a window"),
    ([{"start": "22:00", "end": "23:00", "timezone": "../etc"}], "does not know"),
]


@pytest.mark.parametrize(("value", "message"), BAD)
def test_a_broken_window_is_named(value: Any, message: str) -> None:
    with pytest.raises(WindowError, match=message):
        parse_windows(value)


clocks = st.times().map(lambda clock: clock.replace(second=0, microsecond=0, fold=0))
zones = st.sampled_from(["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "UTC"])
moments = st.datetimes(datetime(2025, 1, 1), datetime(2027, 12, 31), timezones=st.just(UTC))
some_windows = st.lists(
    st.fixed_dictionaries(
        {
            "start": clocks.map("{:%H:%M}".format),
            "end": clocks.map("{:%H:%M}".format),
            "timezone": zones,
            "days": st.lists(st.sampled_from(DAYS), min_size=1),
        }
    ),
    min_size=1,
    max_size=3,
).map(parse_windows)


@given(some_windows, moments)
def test_an_open_window_shows_a_time_between_start_and_end_but_in_nights_of_change(
    some: Any, now: datetime
) -> None:
    closes = open_until(some, now)
    if closes is None:
        return
    assert now < closes
    window = next(w for w in some if any(opens <= now < ends for opens, ends in w.openings(now)))
    here = now.astimezone(window.zone)
    day_before = here - timedelta(days=1)
    if here.utcoffset() == day_before.utcoffset():
        clock, days = here.time(), {here.weekday()}
        if window.start < window.end:
            assert window.start <= clock < window.end
        else:
            assert clock >= window.start or clock < window.end
            days.add(day_before.weekday())
        assert days & window.days


@given(some_windows, moments)
def test_the_next_opening_is_really_one(some: Any, now: datetime) -> None:
    opens = next_opening(some, now)
    assert opens is not None  # each of them opens within a week, whatever clocks do
    assert opens > now
    assert open_until(some, opens.astimezone(UTC))
    if not open_until(some, now):
        assert open_until(some, (opens - timedelta(seconds=1)).astimezone(UTC)) is None
