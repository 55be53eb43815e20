from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from ansible_collections.orderly.services.plugins.module_utils._host.errors import HostError
from ansible_collections.orderly.services.plugins.module_utils._records.finalized import (
    read_finalized,
    with_finalized,
    write_finalized,
)

if TYPE_CHECKING:
    from pathlib import Path


def test_what_was_finalized_is_read_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "orderly/finalized.json"
    assert read_finalized(path) == {}
    write_finalized(path, {"web": "friday-1", "db": "friday-1"})
    assert read_finalized(path) == {"db": "friday-1", "web": "friday-1"}


def test_the_last_campaign_of_each_service_counts() -> None:
    known = {"db": "friday-1", "web": "friday-1"}
    assert with_finalized(known, ["web", "dns"], "monday") == {**known, "web": "monday", "dns": "monday"}
    assert known["web"] == "friday-1"


@pytest.mark.parametrize("text", ["", "{", "[]", '{"db": 1}'])
def test_a_record_that_cannot_be_read_is_named_with_what_removing_it_means(tmp_path: Path, text: str) -> None:
    path = tmp_path / "finalized.json"
    path.write_text(text)
    with pytest.raises(
        HostError, match="Remove it, and each finalizer that is still open will run once more"
    ) as caught:
        read_finalized(path)
    assert str(caught.value).startswith(f"{path} does not say which services were finalized")
