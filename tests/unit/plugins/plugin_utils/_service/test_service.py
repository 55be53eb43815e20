from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from ansible_collections.orderly.services.plugins.plugin_utils._service.deb_version import Constraint
from ansible_collections.orderly.services.plugins.plugin_utils._service.service import (
    Condition,
    Dependency,
    Service,
    includable,
)

if TYPE_CHECKING:
    from pathlib import Path

OLD = Condition("ovn", Constraint.parse("<< 22.03"))


def test_only_what_is_known_to_give_an_order_counts_and_each_service_once(tmp_path: Path) -> None:
    after = (Dependency("db"), Dependency("mq", when=OLD), Dependency("dns", when=OLD, holds=False))
    requires = (Dependency("db", step=3), Dependency("lb", when=OLD, holds=True))
    assert Service("web", "web", tmp_path, "web", after=after, requires=requires).befores == ("db", "lb")


def test_a_dependency_says_of_what_and_when() -> None:
    said = {"service": "db", "step": 3, "when": {"package": "ovn", "installed": "<< 22.03"}}
    assert Dependency("db").plain() == str(Dependency("db")) == "db"
    assert Dependency("db", 3, OLD).plain() == said
    assert Dependency("db", 3, OLD, holds=False).plain() == {**said, "holds": False}
    assert str(Dependency("db", 3, OLD)) == "db (step 3) (when ovn installed << 22.03)"


def test_a_role_may_write_its_files_with_either_suffix(tmp_path: Path) -> None:
    (tmp_path / "tasks").mkdir()
    for name in ("drain.yaml", "verify.yml", "verify.yaml"):
        (tmp_path / "tasks" / name).touch()
    web = Service("web", "web", tmp_path, "web")
    found = [web.tasks_file(part) for part in ("drain", "verify", "undo")]
    assert found == [tmp_path / "tasks/drain.yaml", tmp_path / "tasks/verify.yml", None]
    assert web.as_dict()["has"] == {
        "facts": False, "rank": False, "drain": True, "undrain": False, "verify": True, "undo": False
    }  # fmt: skip


@pytest.mark.parametrize(
    ("role", "name"),
    [
        ("orderly.services.redis", "orderly.services.redis"),
        ("/home/me/fleet/roles/web", "~/fleet/roles/web"),
        ("/home/me/$fleet/roles/web", "/home/me/$fleet/roles/./web"),
        ("/srv/roles/web", "/srv/roles/./web"),
        ("/home/meadow/roles/web", "/home/meadow/roles/./web"),
    ],
)
def test_a_role_of_the_user_is_included_as_no_role_of_a_collection(
    role: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    assert includable(role) == name
