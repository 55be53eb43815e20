from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.orderly.services.plugins.module_utils._deferral.record_files import DeferredStore
from ansible_collections.orderly.services.plugins.modules import dismissed_restarts
from ansible_collections.orderly.services.tests.unit.plugins.module_utils.host_world import (
    BOOT,
    FakeHost,
    record_text,
)
from ansible_collections.orderly.services.tests.unit.plugins.modules.run_module import run_module

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Run = Callable[..., dict[str, Any]]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Give the records of a host on which alpha, which has another name too, and beta are to be restarted."""
    (tmp_path / "run").mkdir()
    folder = tmp_path / "var/lib/policy-rc.d"
    folder.mkdir(parents=True)
    for name in ("alpha", "beta"):
        (folder / f"{name}.deferred").write_text(record_text(f"{name}.service"))
    return folder


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    host = FakeHost()
    host.add("alpha.service", Names="alpha.service omega.service")
    host.add("beta.service")
    monkeypatch.setattr(dismissed_restarts, "DeferredStore", lambda: DeferredStore(tmp_path))
    monkeypatch.setattr(dismissed_restarts, "boot_id", lambda: BOOT)
    return partial(run_module, dismissed_restarts, monkeypatch, host.run)


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("named", [{"services": ["alpha"]}, {"units": ["omega.service"]}])
def test_dismisses_once_and_takes_it_back_once(run: Run, folder: Path, named: dict[str, list[str]]) -> None:
    foreseen = run(reason="only the manual", by="ada", check_mode=True, **named)
    assert files(folder) == ["alpha.deferred", "beta.deferred"]
    done = run(reason="only the manual", by="ada", **named)
    assert done == foreseen
    assert (done["changed"], done["units"]) == (True, ["alpha.service"])
    assert files(folder) == ["alpha.dismissed", "beta.deferred"]
    assert not run(reason="only the manual", **named)["changed"]
    assert run(state="absent", **named)["units"] == ["alpha.service"]
    assert files(folder) == ["alpha.deferred", "beta.deferred"]
    assert not run(state="absent", **named)["changed"]


WRONG = [
    ({"reason": "x"}, "Name at least one service or unit"),
    ({"units": ["alpha.service"]}, "Set reason"),
    ({"services": ["nosuch"], "reason": "x"}, 'Unknown service "nosuch"'),
]


@pytest.mark.parametrize(("given", "message"), WRONG)
def test_says_what_is_wrong_and_dismisses_nothing(
    run: Run, folder: Path, given: dict[str, Any], message: str
) -> None:
    assert message in run(**given)["msg"]
    assert files(folder) == ["alpha.deferred", "beta.deferred"]
