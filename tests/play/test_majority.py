"""A budget that takes the majority of a service that keeps it is refused before anything is touched."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .toys import NOTHING, UPGRADE

if TYPE_CHECKING:
    from .toys import Site


def test_rolls_and_upgrades_refuse_a_budget_that_takes_the_majority(site: Site) -> None:
    site.with_units("h1", "h2", "h3", steps="3")
    site.write("roles/web/meta/service.yml", "{service: web, units: [web.service], keeps_majority: true}\n")
    for playbook in ("orderly.services.restart_services", UPGRADE):
        refused = site.upgrade("-e", "web_max_unavailable=2", playbook=playbook)
        assert refused.code != 0
        assert "web works only while more than half of its 3 hosts are up" in refused.text
        assert "Set web_max_unavailable to 1." in refused.text
    assert site.restarted == site.log == NOTHING
    rolled = site.upgrade(playbook="orderly.services.restart_services")
    assert rolled.code == 0, rolled.raw
    assert site.restarted == ["h1", "h2", "h3"]
