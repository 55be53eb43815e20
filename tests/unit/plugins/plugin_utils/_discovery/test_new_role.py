"""Where a new role goes, and what it may be called."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.orderly.services.plugins.plugin_utils._discovery.new_role import (
    NewRoleError,
    check_name,
    place_of_roles,
    write_role,
)
from ansible_collections.orderly.services.plugins.plugin_utils._service.service import Service

KNOWN = [
    Service("own", "/site/roles/own", Path("/site/roles/own"), "own"),
    Service("nginx", "orderly.services.nginx", Path("/collection/roles/nginx"), "nginx"),
    Service("apache2", "/cache/apache2", Path("/cache/apache2"), "apache2", is_data=True),
]
GROUPS = {"all": ["web1"], "nginx": ["web1"]}


@pytest.mark.parametrize("name", ["shop", "nginx", "apache2", "a_1"])
def test_a_name_that_is_free_or_may_be_replaced_is_taken(name: str) -> None:
    assert check_name(name, KNOWN, GROUPS) == name


REFUSED = [
    (None, "new_service_name is not set"),
    ("", "new_service_name is not set"),
    ("php-fpm", "new_service_name is 'php-fpm'; expected .* Did you mean php_fpm?"),
    ("Shop", "Did you mean shop?"),
    ("../shop", "Did you mean shop?"),
    ("a" * 101, "expected at most 100 small letters"),
    ("web1", "new_service_name is web1, and so is a host"),
    ("own", "The role /site/roles/own is the service own already"),
]


@pytest.mark.parametrize(("name", "why"), REFUSED)
def test_other_names_are_refused(name: str | None, why: str) -> None:
    with pytest.raises(NewRoleError, match=why):
        check_name(name, KNOWN, GROUPS)


@pytest.fixture
def site(tmp_path: Path) -> Path:
    (tmp_path / "inventory").mkdir()
    (tmp_path / "hosts.yml").touch()
    return tmp_path


def place(site: Path, *inventories: str, named: str | None = None) -> Path:
    sources = [each if "," in each else str(site / each) for each in inventories]
    return place_of_roles({"ansible_inventory_sources": sources}, named)


def test_roles_stand_beside_the_inventory(site: Path) -> None:
    assert place(site, "inventory") == place(site, "hosts.yml") == site / "roles"


def test_a_folder_that_has_roles_already_is_preferred(site: Path) -> None:
    (site / "other/roles").mkdir(parents=True)
    assert place(site, "inventory", "other/hosts.yml") == site / "other/roles"


def test_another_folder_can_be_named(site: Path) -> None:
    assert place(site, "h1,h2", named=str(site / "more")) == site / "more"


def test_hosts_on_the_command_line_have_nothing_beside_them(site: Path) -> None:
    with pytest.raises(NewRoleError, match="Name a folder: -e new_service_roles=PATH"):
        place(site, "h1,h2")


def test_no_role_is_written_into_an_inventory(site: Path) -> None:
    with pytest.raises(NewRoleError, match=f"Name another folder, {site}/roles for example"):
        place(site, "inventory", named=str(site / "inventory/roles"))
    with pytest.raises(NewRoleError, match="would lie inside the inventory folder"):
        place(site, "inventory/hosts.yml", "inventory")


def test_roles_that_would_not_be_used_are_not_written(site: Path) -> None:
    (site / "roles").mkdir()
    (site / "roles").chmod(0o777)
    with pytest.raises(NewRoleError, match=f"would not be used: everybody can write to {site}/roles"):
        place(site, "inventory")


def test_a_role_is_written_whole(site: Path) -> None:
    files = {"meta/service.yml": "units: []\n", "README.md": "# shop\n"}
    write_role(site / "roles/shop", files, check=True)
    assert not (site / "roles").exists()
    write_role(site / "roles/shop", files)
    found = {str(each.relative_to(site / "roles")) for each in site.glob("roles/**/*") if each.is_file()}
    assert found == {"shop/meta/service.yml", "shop/README.md"}
    assert (site / "roles/shop/README.md").read_text() == "# shop\n"


def test_what_is_there_stays(site: Path) -> None:
    (site / "roles/shop").mkdir(parents=True)
    for check in (True, False):
        with pytest.raises(NewRoleError, match="shop is there already, and stays as it is"):
            write_role(site / "roles/shop", {"README.md": ""}, check=check)
    assert list((site / "roles").iterdir()) == [site / "roles/shop"]


def test_a_place_that_cannot_be_written_is_named(site: Path) -> None:
    (site / "roles").touch()
    with pytest.raises(NewRoleError, match="roles/shop cannot be written"):
        write_role(site / "roles/shop", {"README.md": ""})
