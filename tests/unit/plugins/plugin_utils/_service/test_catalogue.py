from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ansible.utils.collection_loader import AnsibleCollectionConfig
from ansible_collections.orderly.services.plugins.plugin_utils._common import places
from ansible_collections.orderly.services.plugins.plugin_utils._service import catalogue
from ansible_collections.orderly.services.plugins.plugin_utils._service.catalogue import (
    COLLECTION_ROLES,
    RoleFolder,
    allows_restarts,
    check_agreement,
    check_beside_inventory,
    deployed,
    find_services,
    load_services,
    role_folders,
    select,
)
from ansible_collections.orderly.services.plugins.plugin_utils._service.service import (
    CatalogueError,
    Dependency,
    Service,
)


def service(name: str, **settings: Any) -> Service:
    settings |= {
        key: tuple(map(Dependency, settings[key])) for key in ("after", "requires") if key in settings
    }
    return Service(
        name=name, role=name, path=Path("/roles", name), group=settings.pop("group", name), **settings
    )


class Inventory(dict[str, dict[str, Any]]):
    """Variables by host."""

    def __call__(self, host: str, name: str) -> Any:
        return self.get(host, {}).get(name)


# --- Roles ---


def role(folder: Path, name: str, text: str = "") -> Path:
    file = folder / name / "meta/service.yml"
    file.parent.mkdir(parents=True)
    file.write_text(text)
    return folder / name


def test_roles_with_a_service_file_are_found_in_natural_order(tmp_path: Path) -> None:
    for name in ("web10", "web9"):
        role(tmp_path, name)
    (tmp_path / "common/tasks").mkdir(parents=True)
    found = find_services([RoleFolder(tmp_path), RoleFolder(tmp_path / "missing")])
    assert [(each.name, each.role) for each in found] == [
        ("web9", str(tmp_path / "web9")),
        ("web10", str(tmp_path / "web10")),
    ]


def test_a_role_seen_through_two_paths_counts_once(tmp_path: Path) -> None:
    role(tmp_path / "real", "web")
    (tmp_path / "other").symlink_to(tmp_path / "real")
    assert len(find_services([RoleFolder(tmp_path / "real"), RoleFolder(tmp_path / "other")])) == 1


def test_roles_of_this_collection_have_their_full_names() -> None:
    names = {each.name: each.role for each in find_services([RoleFolder(COLLECTION_ROLES)])}
    assert names["haproxy"] == "orderly.services.haproxy"


def test_roles_are_looked_for_beside_inventory_and_playbook_and_where_it_is_said(tmp_path: Path) -> None:
    variables = {
        "inventory_dir": "/inventory",
        "playbook_dir": str(tmp_path),
        "orderly_roles_path": "/more:/most",
    }
    folders = [str(folder.path) for folder in role_folders(variables)]
    assert folders[:4] == ["/more", "/most", "/inventory/roles", str(tmp_path / "roles")]
    assert folders[-1] == str(COLLECTION_ROLES)


@pytest.fixture
def warned(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    said: list[str] = []
    monkeypatch.setattr(catalogue.display, "warning", said.append)
    return said


def roles_of(**variables: Any) -> list[str]:
    return [
        each.name for each in find_services(role_folders(variables)) if not each.role.startswith("orderly.")
    ]


def test_the_current_folder_is_no_place_for_roles_by_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, warned: list[str]
) -> None:
    role(tmp_path / "roles", "web")
    monkeypatch.chdir(tmp_path)
    assert roles_of(inventory_dir="/elsewhere") == []
    assert len(warned) == 1
    assert f"The service roles in {tmp_path}/roles are not used" in warned[0]
    assert roles_of(orderly_roles_path="roles") == ["web"]
    assert roles_of(inventory_dir=str(tmp_path)) == ["web"]
    monkeypatch.setattr(catalogue, "CONFIG_FILE", str(tmp_path / "ansible.cfg"))
    assert roles_of(inventory_dir="/elsewhere") == ["web"]
    assert len(warned) == 1


@pytest.mark.parametrize("source", ["inventory", "inventory/hosts.yml"])
def test_roles_beside_an_inventory_are_found_be_it_a_folder_or_a_file(tmp_path: Path, source: str) -> None:
    inventory = tmp_path / source
    inventory.parent.mkdir(exist_ok=True)
    inventory.touch() if inventory.suffix else inventory.mkdir()
    role(inventory.parent / "roles", "web")
    assert roles_of(ansible_inventory_sources=[str(inventory)]) == ["web"]


INSIDE = (
    "The service roles in {roles} lie inside the inventory folder {inventory}: Ansible reads every file there as an "
    "inventory, and runs those that are executable on this machine. {way_out}"
)


@pytest.mark.parametrize(
    ("roles", "variables"),
    [
        ("inventory/roles", {}),
        ("inventory/site/own", {"orderly_roles_path": "{here}/inventory/site/own"}),
    ],
)
def test_roles_inside_an_inventory_folder_are_found_and_refused(
    tmp_path: Path, roles: str, variables: dict[str, str]
) -> None:
    role(tmp_path / roles, "web")
    inventory = tmp_path / "inventory"
    given = {name: value.format(here=tmp_path) for name, value in variables.items()}
    given = {**given, "ansible_inventory_sources": [str(tmp_path / "second"), str(inventory)]}
    assert roles_of(**given) == ["web"]
    way_out = f"Move them to {tmp_path}/roles, beside the inventory."
    with pytest.raises(CatalogueError) as refused:
        check_beside_inventory(given)
    assert str(refused.value) == INSIDE.format(roles=tmp_path / roles, inventory=inventory, way_out=way_out)


def test_a_project_that_is_an_inventory_gets_a_folder_for_that(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    role(tmp_path / "roles", "web")
    given = {"ansible_inventory_sources": [str(tmp_path)]}
    with pytest.raises(
        CatalogueError, match=f"to {tmp_path}/inventory, and run with -i {tmp_path}/inventory"
    ):
        check_beside_inventory(given)


@pytest.mark.parametrize(
    ("roles", "source"),
    [
        ("roles", "inventory"),
        ("inventory/roles", "inventory/hosts.yml"),
        ("inventory/roles", "inventory/prod"),
        ("inventory/group_vars/roles", "inventory"),
        ("inventory/.roles", "inventory"),
    ],
)
def test_roles_that_ansible_does_not_read_as_an_inventory_are_right(
    tmp_path: Path, roles: str, source: str
) -> None:
    inventory = tmp_path / source
    inventory.parent.mkdir(exist_ok=True)
    inventory.touch() if inventory.suffix else inventory.mkdir()
    role(tmp_path / roles, "web")
    check_beside_inventory(
        {"ansible_inventory_sources": [str(inventory)], "orderly_roles_path": str(tmp_path / roles)}
    )


def test_where_the_inventory_says_that_roles_are_is_looked_at(tmp_path: Path) -> None:
    role(tmp_path / "inventory/own", "web")
    said = Inventory({"w1": {"orderly_roles_path": str(tmp_path / "inventory/own")}})
    given = {"ansible_inventory_sources": [str(tmp_path / "inventory")], "groups": {"all": ["w1"]}}
    with pytest.raises(CatalogueError, match="lie inside the inventory folder"):
        check_beside_inventory(given, said)


def test_roles_beside_a_playbook_that_imports_one_of_ours_are_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    role(tmp_path / "roles", "web")
    (tmp_path / "site.yml").touch()
    for typed in (("site.yml",), (str(tmp_path / "site.yml"), "orderly.services.upgrade")):
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(catalogue.context, "CLIARGS", {"args": typed})
        assert roles_of(playbook_dir="/collection/playbooks") == ["web"]
    monkeypatch.setattr(catalogue.context, "CLIARGS", {"args": "localhost"})
    assert roles_of(playbook_dir="/collection/playbooks") == []


@pytest.mark.parametrize("how", ["orderly_roles_path", "inventory_dir"])
@pytest.mark.parametrize("writable", [".", "roles", ".."])
def test_roles_where_one_stands_are_not_used_if_others_can_write_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, warned: list[str], how: str, writable: str
) -> None:
    project = tmp_path / "project"
    role(project / "roles", "web")
    monkeypatch.chdir(project)
    (project / writable).chmod(0o777)
    assert roles_of(**{how: {"orderly_roles_path": "roles", "inventory_dir": str(project)}[how]}) == []
    assert warned[0].startswith(f"No service roles are read from {project}/roles: ")
    assert f"everybody can write to {(project / writable).resolve()}." in warned[0]
    assert roles_of(orderly_roles_path=f"{project}/roles") == ["web"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_roles_of_somebody_else_are_used_only_where_an_inventory_was_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, warned: list[str]
) -> None:
    os.chown(role(tmp_path / "roles", "web").parent, 65534, 65534)
    monkeypatch.chdir(tmp_path)
    assert roles_of(orderly_roles_path="roles") == []
    assert f"{tmp_path}/roles belongs to the user 65534" in warned[0]
    monkeypatch.setattr(places, "_may_all_write", lambda _folder: False)
    assert roles_of(inventory_dir=str(tmp_path)) == ["web"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_beside_an_inventory_in_tmp_the_roles_of_others_are_not_used(
    tmp_path: Path, warned: list[str]
) -> None:
    os.chown(role(tmp_path / "roles", "web").parent, 65534, 65534)
    tmp_path.chmod(0o1777)
    assert roles_of(inventory_dir=str(tmp_path)) == []
    assert f"{tmp_path}/roles belongs to the user 65534" in "".join(warned)


def test_other_collections_bring_their_roles_when_they_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "ansible_collections/acme/stack"
    role(home / "roles", "shop")
    paths = [str(tmp_path / "nothing"), str(tmp_path)]
    monkeypatch.setattr(
        AnsibleCollectionConfig, "_collection_finder", SimpleNamespace(_n_collection_paths=paths)
    )
    folders = role_folders({"orderly_collections": ["acme.stack"]})
    assert ("shop", "acme.stack.shop") in [(each.name, each.role) for each in find_services(folders)]
    with pytest.raises(
        CatalogueError, match=r"^orderly_collections: acme\.other is not installed; Ansible looks"
    ):
        role_folders({"orderly_collections": "acme.stack acme.other"})
    with pytest.raises(CatalogueError, match=r"^orderly_collections: 'acme'; expected names of collections"):
        role_folders({"orderly_collections": ["acme"]})


def test_where_roles_are_may_be_said_for_all_hosts(tmp_path: Path) -> None:
    role(tmp_path / "mine", "web")
    said = Inventory({"w1": {"orderly_roles_path": str(tmp_path / "mine")}})
    found = load_services({"groups": {"all": ["w1"], "web": ["w1"]}}, said)
    assert [each.name for each in found] == ["web"]


def test_a_plan_has_no_roles_but_its_own_copies(tmp_path: Path) -> None:
    (tmp_path / "plan.json").touch()
    assert role_folders({"playbook_dir": str(tmp_path), "orderly_roles_path": ["/more"]}) == (
        RoleFolder(tmp_path / "roles"),
    )


# --- What is deployed ---

GROUPS = {"all": ["w1", "w2", "d1"], "web": ["w2", "w1"], "db": ["d1"], "empty": []}


def test_services_with_hosts_are_deployed_each_after_what_it_comes_after() -> None:
    services = [service("web", after=("db", "missing")), service("db"), service("empty"), service("nowhere")]
    assert [each.name for each in deployed(services, GROUPS, Inventory())] == ["db", "web"]


def test_the_inventory_overrides_settings() -> None:
    variables = Inventory(
        {
            "w1": {"my_web_max_unavailable": "2", "my_web_after": ["db"], "my_web_full_stop": True},
            "d1": {"my_web_group": "web"},
        }
    )
    (web,) = deployed([service("my-web")], GROUPS, variables)
    assert (web.group, web.max_unavailable, web.after, web.full_stop) == ("web", 2, (Dependency("db"),), True)


TEXTS = [
    ("full_stop", "false", False),
    ("full_stop", "Yes", True),
    ("packages", "apache2, php-fpm", ("apache2", "php-fpm")),
    ("after", "db redis", (Dependency("db"), Dependency("redis"))),
]


@pytest.mark.parametrize(("key", "text", "value"), TEXTS)
def test_an_inventory_may_give_texts(key: str, text: str, value: object) -> None:
    (web,) = deployed([service("web")], GROUPS, Inventory({"w1": {f"web_{key}": text}}))
    assert getattr(web, key) == value


def test_a_broken_override_is_named_with_its_variable_and_host() -> None:
    with pytest.raises(
        CatalogueError, match=r"^web_max_unavailable of w1: max_unavailable is 'all'; expected a number"
    ):
        deployed([service("web")], GROUPS, Inventory({"w1": {"web_max_unavailable": "all"}}))


OPTIONS: list[tuple[dict[str, Any], bool]] = [
    ({}, True),
    ({"enable_auto_restarts": False}, False),
    ({"enable_auto_restarts": "no"}, False),
    ({"enable_auto_restarts": False, "my_web_enable_auto_restarts": "yes"}, True),
    ({"enable_auto_restarts": True, "my_web_enable_auto_restarts": False}, False),
]


@pytest.mark.parametrize(("said", "allowed"), OPTIONS)
def test_what_is_said_about_a_service_wins_over_what_is_said_about_its_host(
    said: dict[str, Any], allowed: bool
) -> None:
    assert allows_restarts(service("my-web"), said.get) is allowed


def test_an_option_that_is_neither_is_named() -> None:
    with pytest.raises(
        CatalogueError, match=r"^web_enable_auto_restarts is 'later'; expected true or false\.$"
    ):
        allows_restarts(service("web"), {"web_enable_auto_restarts": "later"}.get)


def test_two_roles_of_one_service_are_refused_with_both_paths() -> None:
    services = [service("web"), Service("web", "other", Path("/other/web"), "web")]
    message = 'Two roles register the service "web": /roles/web and /other/web. Give one of them another name'
    with pytest.raises(CatalogueError) as caught:
        deployed(services, GROUPS, Inventory())
    assert str(caught.value).startswith(message)


def test_a_cycle_is_printed_with_the_lines_to_look_at(tmp_path: Path) -> None:
    web, db = (
        role(tmp_path, "web", "after: [db]\n"),
        role(tmp_path, "db", "---\nstage: back\nrequires: [web]\n"),
    )
    with pytest.raises(CatalogueError) as caught:
        deployed(find_services([RoleFolder(tmp_path)]), GROUPS, Inventory())
    assert str(caught.value) == (
        "The services wait for each other: db → web → db. Remove one of these from after or requires: "
        f"web in {db}/meta/service.yml:3, db in {web}/meta/service.yml:1."
    )


LATE = {"web_stage": "late"}
DISAGREEMENTS = [
    ({"w2": LATE}, "web_stage is 'late' on w2, but not set on w1; "),
    ({"w1": LATE}, "web_stage is not set on w2, but 'late' on w1; "),
    ({"w1": {"web_after": ["db"]}, "w2": {"web_after": []}}, "web_after is [] on w2, but ['db'] on w1; "),
]


@pytest.mark.parametrize(("said", "message"), DISAGREEMENTS)
def test_hosts_must_agree_about_a_service(said: dict[str, Any], message: str) -> None:
    with pytest.raises(CatalogueError) as caught:
        check_agreement(service("web"), ["w1", "w2"], Inventory(said))
    assert str(caught.value) == (
        f"{message}a setting of a service must be the same on all its hosts. Set it in the variables of the "
        "group web, and in those of no host."
    )


def test_hosts_agree_where_they_say_the_same() -> None:
    check_agreement(service("web"), ["w1", "w2"], Inventory({"w1": LATE, "w2": LATE}))


def test_an_unknown_service_is_named_among_those_that_are_known() -> None:
    with pytest.raises(
        CatalogueError, match=r'^services: unknown service "wbe"; this inventory has: db, web\.$'
    ):
        select([service("web"), service("db")], ["db", "wbe"], "services")


def test_a_role_of_the_user_replaces_the_shipped_one_of_its_name() -> None:
    shipped = Service("web", "orderly.services.web", Path("/ours/web"), "web")
    (only,) = deployed([shipped, service("web")], GROUPS, Inventory())
    assert only.path == service("web").path


def test_a_group_is_found_by_the_name_that_ansible_gave_it() -> None:
    dashed = Service("nova-compute", "nova-compute", Path("/roles/nova-compute"), "nova-compute")
    (found,) = deployed([dashed], {"all": ["w1"], "nova_compute": ["w1"]}, Inventory())
    assert found.group == "nova_compute"
