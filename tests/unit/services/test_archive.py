"""What is offered again, and again, is made from the package that the archive has."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest

PACKAGES = Path(__file__).parents[2] / "packages"
CONTROL = """\
Package: db-server
Version: 1:2.0-1
Depends: db-core (= 1:2.0-1), libc6 (>= 2.36), other (= 1:2.0-1)
"""


def test_a_version_that_was_offered_again_is_told_from_the_original(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(PACKAGES)
    archive = importlib.import_module("ansible_collections.orderly.services.tests.services.archive")
    assert archive.original("1:2.0-1+deb12u1") == ("1:2.0-1+deb12u1", 0)
    assert archive.original("1:2.0-1+deb12u1+again2") == ("1:2.0-1+deb12u1", 2)


def test_only_what_is_packed_again_is_insisted_on_in_its_new_version() -> None:
    repack = importlib.import_module("ansible_collections.orderly.services.tests.packages.repack")
    versions = {"db-server": "1:2.0-1", "db-core": "1:2.0-1"}
    assert repack.with_higher_version(CONTROL, versions, "+again2").splitlines()[1:] == [
        "Version: 1:2.0-1+again2",
        "Depends: db-core (= 1:2.0-1+again2), libc6 (>= 2.36), other (= 1:2.0-1)",
    ]
