"""Services that the inventory defines, planned by the real ansible-playbook; nothing of them runs here."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .toys import Site

LIST, PLAN = "orderly.services.list_services", "orderly.services.plan"
DATA = """\
    orderly_services:
      web:
        units: [web.service]
        packages: [web]
        max_unavailable: 50%
        verify: {url: "http://localhost/"}
      cache:
        units: [cache.service]
        after: [web]
    """


def test_they_are_listed_and_planned_as_roles_are(site: Site) -> None:
    site.groups(web="w1 w2 w3", cache="w1")
    site.write("group_vars/all.yml", DATA)
    site.write("group_vars/web.yml", "web_max_unavailable: 2\n")
    listed = site.upgrade(playbook=LIST)
    assert listed.code == 0, listed.raw
    assert "web orderly_services web 3 default - 2* block web upgrade_tasks verify" in listed.text
    assert "cache orderly_services cache 1 default web 1 block cache verify" in listed.text
    tasks = site.upgrade("--list-tasks")
    assert tasks.code == 0, tasks.raw
    assert "upgrade_tasks | Upgrade the packages" in tasks.text
    assert "health | Get http://localhost/" in tasks.text
    assert site.contacts == set()


def test_a_role_of_the_same_name_counts_and_that_is_told(site: Site) -> None:
    site.groups(web="w1 w2", cache="w1")
    role = site.service("web", "3")
    site.write("group_vars/all.yml", DATA)
    listed = site.upgrade(playbook=LIST)
    assert f"web {role} web 2" in listed.text
    assert f"orderly_services.web is not used: the role {role} has that name." in listed.text
    upgraded = site.upgrade("-e", "upgrade_only=web")
    assert upgraded.code == 0, upgraded.raw
    assert upgraded.log


def test_a_role_of_this_collection_gives_way_to_what_the_inventory_says_and_that_is_told(site: Site) -> None:
    site.groups(nginx="w1")
    site.write(
        "group_vars/all.yml", "orderly_services: {nginx: {units: [nginx.service], packages: [nginx]}}\n"
    )
    listed = site.upgrade(playbook=LIST)
    assert "nginx orderly_services nginx 1" in listed.text
    assert "nginx: orderly_services.nginx replaces orderly.services.nginx." in listed.text
    assert "is not used" not in listed.text
    tasks = site.upgrade("--list-tasks")
    assert "upgrade_tasks | Upgrade the packages" in tasks.text
    assert "upgrade_tasks | Upgrade nginx" not in tasks.text


def test_what_cannot_be_meant_is_refused_before_any_host_is_asked(site: Site) -> None:
    site.groups(web="w1 w2")
    for said, why in (
        ("orderly_services: {web: {unit: web.service}}", "orderly_services.web: unknown key 'unit'"),
        ("orderly_service: {web: {units: [web.service]}}", "Did you mean orderly_services?"),
        (
            "orderly_services: {web: {units: [web.service], requires: [db]}}",
            "web requires db, which is not deployed",
        ),
    ):
        site.write("group_vars/all.yml", said + "\n")
        refused = site.upgrade()
        assert refused.code != 0
        assert why in refused.text
    assert "orderly_services.web:1: [missing-requirement]" in refused.text
    assert site.contacts == set()
