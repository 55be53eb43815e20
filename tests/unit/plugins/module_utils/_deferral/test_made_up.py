"""What the script noted about restarts that it made up for; that it notes it so, tests/host shows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ansible_collections.orderly.services.plugins.module_utils._deferral.made_up import FILE, read_made_up

if TYPE_CHECKING:
    from pathlib import Path


def test_each_unit_is_read_with_when_how_and_for_whom(tmp_path: Path) -> None:
    assert read_made_up(tmp_path) == []
    (tmp_path / FILE).parent.mkdir(parents=True)
    (tmp_path / FILE).write_text(
        "a.service\t1000 restart apache2\nb.service\t1001 start \nfrontend\t12:34\nodd\tx\n"
    )
    assert read_made_up(tmp_path) == [
        {"unit": "a.service", "action": "restart", "since": "1970-01-01T00:16:40Z", "package": "apache2"},
        {"unit": "b.service", "action": "start", "since": "1970-01-01T00:16:41Z", "package": ""},
    ]
