"""Hosts refuse the second of two stores, until they are moved on purpose."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from .toys import Site, say

if TYPE_CHECKING:
    from collections.abc import Callable

    from .toys import Outcome


def roll(site: Site) -> Callable[..., Outcome]:
    site.groups(web="w1 w2")
    site.service("web", parts="verify")
    site.write("operation.yml", say("web", "operate"))
    return partial(
        site.upgrade, "-e", "rolling_op_name=paint", "-e", "rolling_op_tasks=operation.yml",
        playbook="orderly.services.rolling_op",
    )  # fmt: skip


def test_who_rolls_with_another_store_touches_nothing_until_the_hosts_have_moved(site: Site) -> None:
    run = roll(site)
    first = site.store
    assert run().code == 0
    site.store = site.folder / "state/second.db"
    refused = run()
    assert refused.code != 0
    assert refused.log == []
    assert f"The locks of this host have been in the store sqlite://{first} on" in refused.text
    assert f"this run takes its slots in sqlite://{site.store} on" in refused.text
    assert site.slots == []
    assert site.upgrade("--check", playbook="orderly.services.recover").code != 0
    moved = site.upgrade("--diff", playbook="orderly.services.move_store")
    assert moved.code == 0
    assert f"-sqlite://{first} on" in moved.text
    assert moved.text.endswith("move_store: done on 2 of 2 hosts.")
    assert "operate" in " ".join(run().log)
    assert site.slots == []


def test_an_upgrade_is_refused_as_well(site: Site) -> None:
    assert roll(site)().code == 0
    site.store = site.folder / "state/second.db"
    refused = site.upgrade()
    assert refused.code != 0
    assert refused.touched == set()
    assert "The locks of this host have been in the store" in refused.text
