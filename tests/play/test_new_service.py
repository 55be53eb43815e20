"""The playbook new_service: its role passes every lint and can be planned; its scenario fails until it is written."""

from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from .toys import Outcome, Site

NEW, LIST = "orderly.services.new_service", "orderly.services.list_services"


def begin(site: Site, *arguments: str) -> Outcome:
    return site.upgrade(*arguments, playbook=NEW)


@pytest.fixture
def role(site: Site) -> Path:
    site.groups(shop="h1 h2 h3")
    begun = begin(site, "-e", "new_service_name=shop")
    assert begun.code == 0, begun.raw
    return site.folder / "roles/shop"


def run(site: Site, folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [site.program(command[0]), *command[1:]],
        cwd=folder, env=site.environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
    )  # fmt: skip


def try_scenario(site: Site, role: Path) -> str:
    """Let molecule fail, and give its words without frames, colours and line breaks."""
    tried = run(site, role, "molecule", "test")
    assert tried.returncode != 0
    return " ".join(re.sub(r"\x1b\[[0-9;]*m|│", "", tried.stdout).split())


def test_it_is_listed_and_planned_as_it_is(site: Site, role: Path) -> None:
    listed = site.upgrade(playbook=LIST)
    assert f"shop {role} shop 3 default - 1 block shop upgrade_tasks verify" in listed.text
    tasks = site.upgrade("--list-tasks")
    assert tasks.code == 0, tasks.raw
    assert "upgrade_tasks | Upgrade the packages" in tasks.text
    assert site.contacts == set()


def test_it_passes_ansible_lint(site: Site, role: Path) -> None:
    (site.folder / "toy").unlink()
    lint = run(
        site, site.folder, "ansible-lint", "--offline", "--profile", "production", "--strict", str(role)
    )
    assert lint.returncode == 0, lint.stdout


def test_its_scenario_says_that_it_is_not_filled_in(site: Site, role: Path) -> None:
    said = try_scenario(site, role)
    assert "The scenario of shop is not filled in: molecule/default/inventory/hosts.yml names no host" in said
    (role / "molecule/default/inventory/hosts.yml").write_text("shop: {hosts: {localhost: }}\n")
    (role / "molecule/default/converge.yml").write_text("- hosts: all\n  gather_facts: false\n  tasks: []\n")
    said = try_scenario(site, role)
    assert "The scenario of shop is not filled in: molecule/default/verify.yml looks at nothing." in said


def test_a_check_writes_nothing_and_shows_all(site: Site) -> None:
    site.groups(web="h1")
    check = begin(site, "-e", "new_service_name=shop", "--check", "--diff")
    assert check.code == 0, check.raw
    assert "+units: [shop.service]" in check.raw
    assert "would be the role of the service shop" in check.text
    assert "the group shop, which the inventory does not have yet" in check.text
    assert not (site.folder / "roles/shop").exists()


def test_what_is_there_or_cannot_be_is_refused(site: Site, role: Path) -> None:
    before = (role / "README.md").stat()
    for typed, why in (
        ("new_service_name=shop", f"The role {role} is the service shop already"),
        ("new_service_name=my-shop", "Did you mean my_shop?"),
        ("new_service_nam=shop", "Did you mean new_service_name?"),
        ("upgrade_only=shop", "is for upgrade, not for new_service"),
    ):
        refused = begin(site, "-e", typed)
        assert refused.code != 0
        assert why in refused.text
    assert "new_service_name is not set" in begin(site).text
    assert (role / "README.md").stat() == before
    assert [each.name for each in (site.folder / "roles").iterdir()] == ["shop"]


def test_a_service_of_the_inventory_becomes_a_role(site: Site) -> None:
    site.groups(shop="h1 h2 h3")
    site.write(
        "group_vars/all.yml",
        "orderly_services: {shop: {units: [till.service], packages: [till], max_unavailable: 34%}}\n",
    )
    begun = begin(site, "-e", "new_service_name=shop")
    assert begun.code == 0, begun.raw
    assert "It begins with what orderly_services.shop says, and takes its place" in begun.text
    site.write("group_vars/all.yml", "---\n")
    assert "shop 3 default - 34% block till upgrade_tasks verify" in site.upgrade(playbook=LIST).text
