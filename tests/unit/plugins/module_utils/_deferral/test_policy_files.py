from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from ansible_collections.orderly.services.plugins.module_utils._deferral.policy import Requestor, make_policy
from ansible_collections.orderly.services.plugins.module_utils._deferral.policy_files import (
    NeedrestartDropIn,
    PolicyFolder,
)
from ansible_collections.orderly.services.plugins.module_utils._host.errors import HostError

if TYPE_CHECKING:
    from pathlib import Path


WEBTEAM = Requestor("ansible", "webteam")


POLICY = make_policy(WEBTEAM, {"nginx.service": ["restart"]})


def test_a_policy_comes_and_goes(tmp_path: Path) -> None:
    folder = PolicyFolder(tmp_path)
    assert folder.text(WEBTEAM) == ""
    folder.write(POLICY)
    assert folder.text(WEBTEAM) == POLICY.render()
    assert [path.name for path in folder.path.iterdir()] == ["ansible-webteam.policy"]
    assert folder.file(WEBTEAM).stat().st_mode & 0o777 == 0o644
    folder.remove(WEBTEAM)
    assert folder.read() == ([], [])


def test_a_broken_policy_is_named_and_hides_no_other(tmp_path: Path) -> None:
    folder = PolicyFolder(tmp_path)
    folder.write(POLICY)
    (folder.path / "charm-x.policy").write_text("blocked_actions: [\n")
    (folder.path / "y.policy").mkdir()
    policies, trouble = folder.read()
    assert policies == [(folder.file(WEBTEAM), POLICY)]
    assert [sentence.split(" is not a valid policy")[0] for sentence in trouble] == [
        str(folder.path / "charm-x.policy"),
        str(folder.path / "y.policy"),
    ]


def test_says_which_policy_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "etc").write_text("in the way")
    with pytest.raises(HostError, match=r"ansible-webteam.policy cannot be written"):
        PolicyFolder(tmp_path).write(POLICY)


def test_a_file_where_the_folder_should_be_is_named_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/policy-rc.d").write_text("#!/bin/sh\n")
    with pytest.raises(HostError, match=r"Move it to /usr/local/sbin/policy-rc.d"):
        PolicyFolder(tmp_path).text(WEBTEAM)


def test_needrestart_is_told_and_forgets_with_the_last_policy(tmp_path: Path) -> None:
    drop_in = NeedrestartDropIn(tmp_path)
    assert drop_in.follows([])
    assert not drop_in.follows([POLICY])
    drop_in.follow([POLICY])
    assert drop_in.follows([POLICY])
    assert not drop_in.follows([])
    drop_in.follow([])
    assert list((tmp_path / "etc").iterdir()) == []
