"""A variable that looks like ours and is none is refused, with the name that was probably meant."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.orderly.services.plugins.plugin_utils._inventory.parameters import PARAMETERS
from ansible_collections.orderly.services.plugins.plugin_utils._inventory.unread import (
    Unread,
    UnreadError,
    typed_playbooks,
)
from ansible_collections.orderly.services.plugins.plugin_utils._service.service import Service
from hypothesis import given
from hypothesis import strategies as st


def service(name: str, path: Path = Path("/nowhere")) -> Service:
    return Service(name, name, path, name)


SERVICES = (service("web"), service("my-db"))


def place(_name: str) -> str:
    return "group x"


def refusal(name: str, *typed: str, own: tuple[str, ...] = ()) -> str:
    """Give what is said of a variable that is typed with ``-e``; an empty text where it is accepted."""
    try:
        Unread(SERVICES, frozenset(typed) if typed else None).check_extra([name], own)
    except UnreadError as exc:
        return str(exc)
    return ""


@pytest.mark.parametrize(
    ("name", "playbook", "meant"),
    [
        ("service", "restart_services", "restart_only"),
        ("services", "upgrade", "upgrade_only"),
        ("stages", "upgrade", "upgrade_stage"),
        ("upgrade_stages", "upgrade", "upgrade_stage"),
        ("confirm", "upgrade", "upgrade_confirm=SERVICE, whose point of no return may be passed"),
        ("approved_plan", "upgrade", "upgrade_approved_plan=HASH, as orderly.services.plan prints it"),
        ("reason", "dismiss_restarts", "dismiss_reason"),
        ("serial", "reboot", "rolling_op_serial"),
        ("restart_onyl", "restart_services", "restart_only"),
        ("restart_services", "restart_services", "restart_only"),
        ("upgrade_service", "upgrade", "upgrade_only"),
        ("upgrade_only", "restart_services", "restart_only"),
        ("enable_auto_restart", "defer_restarts", "enable_auto_restarts"),
        ("orderly_stor", "status", "orderly_store"),
        ("web_max_unavailible", "status", "web_max_unavailable"),
        ("my_db_max_unavailible", "status", "my_db_max_unavailable"),
        ("wbe_max_unavailable", "status", "web_max_unavailable"),
    ],
)
def test_the_name_that_was_meant_is_said(name: str, playbook: str, meant: str) -> None:
    assert f"-e {name} " in refusal(name, playbook)
    assert f" Did you mean {meant}? Nothing was done." in refusal(name, playbook)


@pytest.mark.parametrize("name", ["restart_foo", "rolling_op_foo", "orderly_foo", "__rolling_wave"])
def test_what_begins_like_ours_is_refused_also_where_nothing_is_close(name: str) -> None:
    assert refusal(name, "restart_services") == f"-e {name} is unknown. Nothing was done."


def test_names_of_services_for_a_playbook_that_takes_none_are_refused() -> None:
    assert "defer_restarts acts on all services of its hosts" in refusal("service", "defer_restarts")


@pytest.mark.parametrize(
    "name", ["release", "ansible_user", "awx_job_id", "web_port", "restart_only", "web_after"]
)
def test_what_is_ours_or_looks_like_nothing_of_ours_is_accepted(name: str) -> None:
    assert refusal(name, "restart_services") == ""


def test_a_playbook_of_the_user_may_read_general_words_and_take_what_any_of_ours_takes() -> None:
    assert [refusal(name) for name in ("service", "stage", "upgrade_only", "restart_only")] == [""] * 4
    assert "Did you mean upgrade_stage?" in refusal("upgrade_stages")


def test_a_variable_of_the_inventory_is_its_own_unless_it_begins_like_ours() -> None:
    assert refusal("stage", "upgrade", own=("stage",)) == ""
    assert refusal("orderly_foo", "upgrade", own=("orderly_foo",))


def test_what_the_role_of_the_service_reads_is_its_own(tmp_path: Path) -> None:
    (tmp_path / "tasks").mkdir()
    (tmp_path / "tasks/main.yml").write_text("- ansible.builtin.debug: {var: web_unit}\n")
    unread = Unread([service("web", tmp_path)])
    unread.check_inventory(["web_unit"], place)
    with pytest.raises(UnreadError, match=r"Did you mean web_group\?"):
        unread.check_inventory(["web_groups"], place)


def test_an_inventory_hears_of_all_that_nobody_reads_at_once() -> None:
    with pytest.raises(UnreadError) as found:
        Unread(SERVICES).check_inventory(
            ["web_max_unavailible", "rolling_op_serail", "gone_full_stop", "web_port"], place
        )
    assert str(found.value) == (
        "gone_full_stop (group x in the inventory) is for a service that does not exist. rolling_op_serail (group x in "
        "the inventory) is unknown. Did you mean rolling_op_serial? web_max_unavailible (group x in the inventory) is "
        "not a setting of web. Did you mean web_max_unavailable? Nothing was done."
    )


def test_an_inventory_may_have_general_words() -> None:
    Unread(SERVICES).check_inventory(
        ["services", "service", "stage", "confirm", "restart_policy", "upgrade", "status"], place
    )


@given(st.sampled_from(sorted({name for names in PARAMETERS.values() for name in names})))
def test_no_parameter_is_refused_where_any_playbook_may_run(name: str) -> None:
    assert refusal(name) == ""


@pytest.mark.parametrize(
    ("typed", "ours"),
    [
        (["orderly.services.upgrade"], {"upgrade"}),
        (["orderly.services.status", "orderly.services.upgrade"], {"status", "upgrade"}),
        (["site.yml", "orderly.services.upgrade"], None),
        (["upgrade"], None),
        ([], None),
    ],
)
def test_only_playbooks_of_ours_are_known_to_read_nothing_else(
    typed: list[str], ours: set[str] | None
) -> None:
    assert typed_playbooks(typed) == ours
