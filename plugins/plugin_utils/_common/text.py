"""Names of many hosts in few words."""

from __future__ import annotations

import re
from collections import defaultdict
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

FEW = 2
SHOWN = 12
NUMBERED = re.compile(r"([^.]*?)([0-9]{1,18})([^0-9.]*(?:\..*)?)")  # the last number before the first dot


def shortened(hosts: Iterable[str]) -> list[str]:
    """Name hosts that differ in a number together, as in ``web[1-9,12].example.org``, unless there are but two."""
    alike: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    for host in sorted(hosts, key=natural):
        match = NUMBERED.fullmatch(host)
        alike[(match[1], match[3]) if match else (host, "")].append(match[2] if match else "")
    return [name for ends, numbers in alike.items() for name in _together(*ends, numbers)]


def _together(before: str, after: str, numbers: Sequence[str]) -> list[str]:
    if len(numbers) <= FEW:
        return [f"{before}{number}{after}" for number in numbers]
    return [f"{before}[{','.join(_runs(numbers))}]{after}"]


def _runs(numbers: Sequence[str]) -> Iterator[str]:
    first = 0
    for end, number in enumerate(numbers, 1):
        if end == len(numbers) or numbers[end] != f"{int(number) + 1:0{len(number)}}":
            run = numbers[first:end]
            yield from run if len(run) <= FEW else [f"{run[0]}-{run[-1]}"]
            first = end


def listed(names: Sequence[str], shown: int = SHOWN, between: str = ", ") -> str:
    """Join names, and count those that would be too many."""
    rest = len(names) - shown
    return between.join(names[:shown]) + (f" and {rest} more" if rest > 0 else "")


def with_services(visits: Mapping[str, Iterable[str]]) -> str:
    """Name hosts with the services that they are visited for, those of the same services together."""
    alike: defaultdict[tuple[str, ...], list[str]] = defaultdict(list)
    for host in sorted(visits, key=natural):
        alike[tuple(visits[host])].append(host)
    return listed(
        [f"{name} ({' '.join(names)})" for names, hosts in alike.items() for name in shortened(hosts)]
    )


def natural(name: str) -> tuple[tuple[int, int | str], ...]:
    """Give the sort key that puts ``web2`` before ``web10``."""
    parts = (part for part in re.split(r"(\d{1,99})", name) if part)
    return tuple((0, int(part)) if part.isdecimal() else (1, part) for part in parts)


def plural(number: int, one: str, many: str = "") -> str:
    """Count something: ``1 host``, ``2 hosts``."""
    return f"{number} {one if number == 1 else many or one + 's'}"


def now_text() -> str:
    """Give the time with its offset, to the second, as in ``2026-01-31T03:12:45+00:00``."""
    return datetime.now().astimezone().isoformat(timespec="seconds")


def duration(seconds: float) -> str:
    """Say seconds as people do: ``8 s``, ``3 min 20 s``, ``2 h 5 min``."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"


def names_of(value: Any) -> list[str]:
    """Read a list of names, given as a list or as text with spaces or commas between them."""
    if value is None:
        return []
    return value.replace(",", " ").split() if isinstance(value, str) else [str(name) for name in value]


_WIDEST = 100


def printable(text: str, widest: int = _WIDEST) -> str:
    """Make a text harmless to terminals and tables: on one line, no control characters, not endless."""
    shown = on_one_line(text[: widest + 1])
    return shown if len(shown) <= widest else shown[: widest - 1] + "…"


def readable(text: str) -> str:
    """Make a text harmless to terminals, whole and with its lines as they are."""
    return "\n".join(map(on_one_line, text.split("\n")))


def on_one_line(text: str) -> str:
    """Spell out what is no visible character: what ends lines, moves the cursor or turns the direction of writing."""
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in text)


def layout(rows: Sequence[Sequence[str]]) -> list[str]:
    """Align rows of cells in columns."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    ]
