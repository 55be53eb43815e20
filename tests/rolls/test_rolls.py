"""A few of the random rolls, of which ``make random-rolls`` plays more, and some that were made by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from ansible_collections.orderly.services.tests.faults.part import ALL
from ansible_collections.orderly.services.tests.rolls import world
from ansible_collections.orderly.services.tests.rolls.fleet import fleet
from ansible_collections.orderly.services.tests.rolls.play import play
from ansible_collections.orderly.services.tests.rolls.stage import Stage
from ansible_collections.orderly.services.tests.rolls.world import Place, Service, World, make

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SEED = 1
NUMBERS = range(1, 21 if ALL else 3)


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    with fleet(1) as (hosts,):
        yield Stage(hosts)


@pytest.mark.parametrize("number", NUMBERS)
def test_a_random_roll_breaks_no_rule(number: int, stage: Stage, tmp_path: Path) -> None:
    verdict = play(make(SEED, number), stage, tmp_path / "roll")
    print(verdict)
    assert not verdict.broken, verdict


ALPHA, BETA, BASE = "alpha.service", "beta.service", "base.service"
AT_ONCE, ONE = 2, 1


def two_services(
    *drags: tuple[str, str], pending: str, playbook: str = world.RESTART, only: tuple[str, ...] = ()
) -> World:
    """Give two services on two hosts; all of alpha may be down at once, and one of beta. Units drag others."""
    hosts = ("h1", "h2")
    lines = {dragged: (f"PartOf={unit}", f"After={unit}") for unit, dragged in drags}
    units = {ALPHA, BETA, *(unit for unit, _dragged in drags)}
    places = {
        (host, unit): Place("tells", world.WELL, is_asked=unit == pending, lines=lines.get(unit, ()))
        for host in hosts
        for unit in sorted(units)
    }
    services = (Service("alpha", hosts, (ALPHA,), AT_ONCE), Service("beta", hosts, (BETA,), ONE))
    return World(0, services, places, playbook, only)


BY_HAND = {
    "a unit drags one of another service": two_services((ALPHA, BETA), pending=ALPHA),
    "and only its service is named": two_services((ALPHA, BETA), pending=ALPHA, only=("alpha",)),
    "and it is not pending": two_services((ALPHA, BETA), pending="", playbook=world.ALL, only=("alpha",)),
    "over a unit of nobody": two_services((ALPHA, BASE), (BASE, BETA), pending=ALPHA),
    "a unit of nobody drags both": two_services((BASE, ALPHA), (ALPHA, BETA), pending=BASE),
    "and one that comes before it": two_services((BETA, ALPHA), pending="", playbook=world.ALL),
}


PLAYED = [name for name in BY_HAND if ALL or name.startswith("and ")]


@pytest.mark.parametrize("name", PLAYED)
def test_what_is_dragged_along_has_a_slot_of_its_own_service_and_is_restarted_once(
    name: str, stage: Stage, tmp_path: Path
) -> None:
    verdict = play(BY_HAND[name], stage, tmp_path / "roll")
    assert verdict.most["beta"] == ONE
    assert not verdict.broken, verdict
