"""When does a schedule fire next, and what is said of a bad one?"""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from minikube_edu.api import cron
from minikube_edu.lib import clock


def following(schedule: str, after: str, zone: str = "UTC") -> str | None:
    """The next activation, in local time of the zone."""
    local = datetime.fromisoformat(after).replace(tzinfo=ZoneInfo(zone))
    seconds = cron.parse(schedule, zone).next(local.timestamp())
    return None if seconds is None else datetime.fromtimestamp(seconds, ZoneInfo(zone)).strftime("%Y-%m-%dT%H:%M:%S")


@pytest.mark.parametrize(
    ("schedule", "after", "expected"),
    [
        ("* * * * *", "2026-01-01T00:00:00", "2026-01-01T00:01:00"),
        ("* * * * *", "2026-01-01T00:00:59.5", "2026-01-01T00:01:00"),
        ("0/15 * * * *", "2026-01-01T09:46:30", "2026-01-01T10:00:00"),
        ("20-35/15 * * * *", "2026-01-01T15:45:00", "2026-01-01T16:20:00"),
        ("*/5 8-18 * * mon-fri", "2026-01-02T18:56:00", "2026-01-05T08:00:00"),
        ("0 0 31 * *", "2026-01-31T00:00:00", "2026-03-31T00:00:00"),
        ("0 0 29 2 *", "2026-01-01T00:00:00", "2028-02-29T00:00:00"),
        ("0 0 30 feb ?", "2026-01-01T00:00:00", None),
        ("0 0 13 * FRI", "2026-01-03T00:00:00", "2026-01-09T00:00:00"),  # either day is enough
        ("0 0 * * 0", "2026-01-01T00:00:00", "2026-01-04T00:00:00"),
        ("0 0 1,15 * */2", "2026-01-01T00:00:00", "2026-01-03T00:00:00"),  # a step unmakes the star
        ("59 23 31 12 *", "2026-12-31T23:59:00", "2027-12-31T23:59:00"),
        ("@yearly", "2026-05-01T00:00:00", "2027-01-01T00:00:00"),
        ("@weekly", "2026-01-01T00:00:00", "2026-01-04T00:00:00"),
        ("@hourly", "2026-01-01T00:00:00", "2026-01-01T01:00:00"),
        ("@every 1h30m", "2026-01-01T00:00:00", "2026-01-01T01:30:00"),
        ("@every 10ms", "2026-01-01T00:00:00", "2026-01-01T00:00:01"),
        ("TZ=Asia/Seoul 0 9 * * *", "2026-01-01T00:00:00", "2026-01-02T00:00:00"),
    ],
)
def test_when_is_the_next_activation(schedule: str, after: str, expected: str | None) -> None:
    assert following(schedule, after) == expected


@pytest.mark.parametrize(
    ("schedule", "after", "expected"),
    [
        # Clocks in New York go from 02:00 to 03:00 on 2012-03-11 and from 02:00 to 01:00 on 2012-11-04.
        ("30 2 * * *", "2012-03-11T00:00:00", "2012-03-12T02:30:00"),
        ("0 * * * *", "2012-03-11T01:00:00", "2012-03-11T03:00:00"),
        ("30 1 * * *", "2012-11-04T00:00:00", "2012-11-04T01:30:00"),
        ("0 3 * * *", "2012-11-04T00:00:00", "2012-11-04T03:00:00"),
        ("0 0 * * *", "2012-03-10T12:00:00", "2012-03-11T00:00:00"),
    ],
)
def test_what_do_schedules_do_when_clocks_change(schedule: str, after: str, expected: str) -> None:
    assert following(schedule, after, "America/New_York") == expected


def test_do_half_hour_changes_lose_a_day_as_in_the_real_one() -> None:
    # Clocks on Lord Howe go back by half an hour; the search that begins with the day then never meets midnight.
    assert following("@weekly", "2013-04-05T03:00:00", "Australia/Lord_Howe") == "2013-04-07T00:00:00"
    assert following("@weekly", "2013-04-07T00:00:00", "Australia/Lord_Howe") == "2013-04-21T00:00:00"


def test_does_a_day_without_midnight_get_its_turn() -> None:
    # 2018-11-04 began at 01:00 in Sao Paulo.
    assert following("0 5 4 11 *", "2018-11-01T00:00:00", "America/Sao_Paulo") == "2018-11-04T05:00:00"
    assert following("0 5 * * *", "2022-03-26T12:00:00", "Asia/Beirut") is not None


@pytest.mark.parametrize(
    ("schedule", "message"),
    [
        ("", "empty spec string"),
        ("every day", "expected exactly 5 fields, found 2: [every day]"),
        ("61 0 1 1 *", "end of range (61) above maximum (59): 61"),
        ("* * 0 * *", "beginning of range (0) below minimum (1): 0"),
        ("5-3 * * * *", "beginning of range (5) beyond end of range (3): 5-3"),
        ("*/0 * * * *", "step of range should be a positive number: */0"),
        ("x * * * *", 'failed to parse int from x: strconv.Atoi: parsing "x": invalid syntax'),
        ("-1 * * * *", 'failed to parse int from : strconv.Atoi: parsing "": invalid syntax'),
        ("1-2-3 * * * *", "too many hyphens: 1-2-3"),
        ("1/2/3 * * * *", "too many slashes: 1/2/3"),
        ("@never", "unrecognized descriptor: @never"),
        ("@every x", 'failed to parse duration @every x: time: invalid duration "x"'),
        ("TZ=Nowhere/Town 0 0 * * *", "provided bad location Nowhere/Town: unknown time zone Nowhere/Town"),
    ],
)
def test_is_a_bad_schedule_refused_in_the_real_words(schedule: str, message: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the text is compared in full
        cron.parse(schedule)
    assert str(caught.value) == message


def test_is_an_activation_always_later_than_asked() -> None:
    schedule = cron.parse("*/7 3,4 * * *", "Europe/Lisbon")
    seconds: float | None = clock.parse_rfc3339("2026-03-28T00:00:00Z")
    for _ in range(100):
        assert seconds is not None
        after, seconds = seconds, schedule.next(seconds)
        assert seconds is not None
        assert seconds > after
