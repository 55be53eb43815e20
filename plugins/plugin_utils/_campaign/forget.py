"""Forgetting campaigns that have ended, with all that is kept of them: what nobody looks at any more would pile up."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from .._common.errors import ControllerError
from .campaign import CAMPAIGNS, Campaign, list_campaigns

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .._store.store import Document, Documents, Store

NUMBER, DAYS = 50, 365
KEPT, AGE = "orderly_campaigns_kept", "orderly_campaigns_days"


@dataclass(frozen=True)
class Keep:
    """Which campaigns that are not open are kept: the latest so many, of those that ended in so many days."""

    number: int = NUMBER
    days: int = DAYS

    @classmethod
    def of(cls, number: Any, days: Any) -> Keep:
        """Read the values of the variables; nothing is the default."""
        return cls(_whole(KEPT, number, NUMBER), _whole(AGE, days, DAYS))

    def too_old(self, campaigns: Iterable[Campaign], now: str) -> list[Campaign]:
        """Give the campaigns that are not kept; never an open one, nor one whose end is no time."""
        ended = sorted(
            (
                (end, each)
                for each in campaigns
                if not each.is_open and (end := _moment(each.document.get("ended")))
            ),
            key=lambda pair: pair[0],
            reverse=True,
        )
        first = (_moment(now) or datetime.now().astimezone()) - timedelta(days=self.days)
        return [each for place, (end, each) in enumerate(ended) if place >= self.number or end < first]


def forget(store: Store, keep: Keep, now: str) -> tuple[str, ...]:
    """Forget the campaigns that are not kept, each with its journal and versions as a whole; tell which.

    :raises StoreError: when the store cannot be used, or a campaign in it not be read
    """
    forgotten = [each.id for each in keep.too_old(list_campaigns(store), now)]
    for campaign in forgotten:
        _forget(store, campaign)
    return tuple(forgotten)


def _forget(store: Store, campaign: str) -> None:
    keys = (f"{CAMPAIGNS}{campaign}", f"verify/{campaign}")
    folders = (f"journal/{campaign}/", f"versions/{campaign}/")

    def decide(documents: Documents) -> tuple[dict[str, Document | None], None]:
        # A key is also the beginning of others: friday-1 of friday-10.
        return dict.fromkeys(key for key in documents if key in keys or key.startswith(folders)), None

    store.transact((*keys, *folders), decide)


def _moment(text: Any) -> datetime | None:
    try:
        return datetime.fromisoformat(str(text)).astimezone()
    except (ValueError, OverflowError):
        return None


def _whole(name: str, value: Any, default: int) -> int:
    if value is None or value == "":
        return default
    try:
        number = int(str(value))
    except ValueError:
        number = -1
    if number < 0:
        raise ControllerError(f"{name} is {value!r}; expected a whole number, 0 or more.")
    return number
