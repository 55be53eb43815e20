"""What the maintainer scripts of real packages say about being upgraded under a running daemon."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest
from ansible_collections.orderly.services.plugins.module_utils._deferral.wants_hold import (
    INSISTS,
    PREINST,
    PRERM,
    READS,
    reasons,
)
from ansible_collections.orderly.services.tests.debian import download

if TYPE_CHECKING:
    from pathlib import Path

HELD = {"mariadb-server": {INSISTS}, "slapd": {READS}}  # that of Debian 12 insists, too
FREE = [
    *["nginx-common", "redis-server", "rabbitmq-server", "postgresql-common", "openvswitch-switch"],
    *["exim4-daemon-light", "haproxy", "memcached", "cron", "postfix"],
]


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the folder of the packages, as Debian has them now."""
    folder = tmp_path_factory.mktemp("packages")
    download(folder, *HELD, *FREE)
    return folder


def whys(packages: Path, package: str) -> set[str]:
    """Read both scripts of a package."""
    (deb,) = packages.glob(f"{package}_*.deb")
    texts = {
        name: subprocess.run(
            ["dpkg-deb", "--info", deb, name], capture_output=True, text=True, check=False
        ).stdout
        for name in (PREINST, PRERM)
    }
    assert any(texts.values())
    return {reason.why for name, text in texts.items() for reason in reasons(name, text)}


@pytest.mark.parametrize("package", HELD)
def test_a_database_wants_to_be_put_on_hold(packages: Path, package: str) -> None:
    assert whys(packages, package) >= HELD[package]


@pytest.mark.parametrize("package", FREE)
def test_a_package_that_asks_can_be_upgraded_under_its_daemon(packages: Path, package: str) -> None:
    assert whys(packages, package) == set()
