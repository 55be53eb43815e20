"""The playbook list_services: which services an inventory deploys, and what it makes of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .toys import Site

SERVICES = "orderly.services.list_services"


def listed(site: Site, *arguments: str) -> list[str]:
    outcome = site.upgrade(*arguments, playbook=SERVICES)
    assert outcome.code == 0, outcome.raw
    lines = [" ".join(line.split()) for line in outcome.raw.splitlines()]
    start = next(number for number, line in enumerate(lines) if line.startswith("SERVICE ROLE"))
    return lines[start : lines.index("", start)]


def test_services_are_listed_with_what_the_inventory_overrides(site: Site) -> None:
    site.groups(db="d1 d2", web="w1 w2 w3", empty="")
    db = site.service("db", "0 3", parts="verify", after=["web"], stage="back")
    web = site.service("web", "3", parts="drain undrain", full_stop=True)
    site.service("gone", "3")
    site.write("group_vars/db.yml", "db_max_unavailable: 50%\ndb_stage: rear\n")
    table = [
        "SERVICE ROLE GROUP HOSTS STAGE AFTER BUDGET DEFERRAL UNITS PARTS",
        f"web {web} web 3 default - full stop block - upgrade_tasks drain undrain",
        f"db {db} db 2 rear* web 50%* block - upgrade_tasks verify",
        "* the inventory overrides what the role says",
    ]
    assert [line.removesuffix(" =>") for line in listed(site)][:4] == table
    assert site.contacts == set()


def test_vaulted_settings_and_other_places_of_roles_count(site: Site) -> None:
    site.groups(web="w1")
    site.service("web", "3")
    (site.folder / "roles/web").rename(site.folder / "elsewhere")
    site.write("password", "secret\n")
    site.write("group_vars/all.yml", "orderly_roles_path: [more]\n")
    (site.folder / "more").mkdir()
    (site.folder / "elsewhere").rename(site.folder / "more/web")
    vaulted = site.write("group_vars/web.yml", "web_max_unavailable: 40%\n")
    site.tool("ansible-vault", "encrypt", "--vault-password-file", "password", str(vaulted))
    table = listed(site, "--vault-password-file", "password")
    assert table[1].endswith("web 1 default - 40%* block - upgrade_tasks")


def test_packages_are_looked_at_on_the_hosts_when_that_is_asked_for(site: Site) -> None:
    site.groups(web="w1 w2", db="d1")
    site.service("web", "3")
    site.service("db", "3")
    site.write("group_vars/db.yml", "db_deferral: block\n")
    listed(site, "-e", "list_packages=false")
    assert site.contacts == set()
    site.upgrade("-e", "list_packages=true", playbook=SERVICES)
    assert site.contacts == {"w1", "w2", "d1"}
