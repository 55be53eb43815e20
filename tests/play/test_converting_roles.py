"""The guide to conversion: roles as others write them, and the files that the guide adds to them, give a plan."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from .standins import GALAXY, KOLLA
from .toys import ROOT

if TYPE_CHECKING:
    from .toys import Site

GUIDES = {
    name: (ROOT / f"docs/{name}.md").read_text(encoding="utf-8")
    for name in ("converting-roles", "service-roles")
}
TRIPLEO = "haproxy_tripleo"


def files_of(guide: str, *roles: str) -> dict[str, str]:
    """Give the files of some roles that a guide shows, the last one of each name."""
    shown = re.findall(r"(?s)```yaml\n# (roles/(\w+)/\S+)\n(.*?)```", GUIDES[guide])
    return {name: text for name, role, text in shown if role in roles}


def add(site: Site, *files: dict[str, str]) -> None:
    for name, text in (pair for each in files for pair in each.items()):
        site.write(name, text)


def test_roles_of_kolla_and_galaxy_plan_as_the_guide_converts_them(site: Site) -> None:
    site.groups(memcached="c1 c2", rabbitmq="c1 c2 c3", nova="c1 c2 c3", nginx="w1 w2")
    add(site, KOLLA, GALAXY, files_of("converting-roles", "memcached", "rabbitmq", "nova", "nginx"))
    outcome = site.upgrade("--list-tasks")
    assert outcome.code == 0, outcome.raw
    services = site.plan()["services"]
    assert {name: service["steps"] for name, service in services.items()} == {
        "memcached": [0, 1, 3],
        "nginx": [1, 3, 5],
        "nova": [0, 1, 2, 3, 4, 6],
        "rabbitmq": [0, 1, 3, 5, 6],
    }
    assert services["nova"]["migrates_once"]
    assert services["nova"]["looks_once"]


@pytest.mark.parametrize("service", ["memcached", "rabbitmq", "nova"])
def test_what_a_role_of_kolla_shares_with_others_comes_along(site: Site, service: str) -> None:
    site.groups(**{service: "c1"})
    add(site, KOLLA, files_of("converting-roles", service))
    assert site.upgrade("--list-tasks").code == 0
    (folder,) = site.plan_folders
    assert {"service-precheck", "service-images-pull"} < {path.name for path in (folder / "roles").iterdir()}
    assert (folder / "library/kolla_container.py").is_file()


def test_a_list_of_tripleo_keeps_what_it_asks_in_facts(site: Site) -> None:
    site.groups(haproxy="c1")
    files = files_of("converting-roles", TRIPLEO)
    add(site, files)
    assert site.upgrade("--list-tasks").code == 0
    facts = site.folder / f"roles/{TRIPLEO}/tasks/facts.yml"
    tasks = facts.with_name("upgrade_tasks.yml")
    asks = facts.read_text().removeprefix("---\n").rstrip() + "\n  when: step|int == 0\n"
    facts.unlink()
    tasks.write_text(asks + tasks.read_text().removeprefix("---\n"))
    refused = site.upgrade("--list-tasks")
    assert "[lost-variable]" in refused.text
    assert (
        'Move "Check if haproxy is deployed" to tasks/facts.yml, which runs before every part' in refused.text
    )


def test_the_role_of_the_guide_may_look_before_all_parts(site: Site) -> None:
    site.groups(memcached="c1 c2")
    add(site, files_of("service-roles", "memcached"))
    outcome = site.upgrade("--list-tasks")
    assert outcome.code == 0, outcome.raw
    # Before steps 0 and 1, in two waves, and before a resumed run verifies.
    assert outcome.raw.count("facts | See whether it is to run here") == 5
