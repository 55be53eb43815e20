"""What an image is made from, and when it must be made again."""

from __future__ import annotations

from pathlib import Path

from fleetlib.recipe import UPDATES, Recipe, make_recipe
from fleetlib.sources import Source

ARCHIVE = [
    Source(("http://mirror.example/debian",), ("bookworm", "bookworm-updates"), ("main",)),
    Source(("http://mirror.example/debian-security",), ("bookworm-security",), ("main",)),
]


def recipe(public_key: str = "ssh-ed25519 AAAA", proxy: str = "http://localhost:3142") -> Recipe:
    """A recipe of a machine with a proxy of its own."""
    options = {"Acquire::http::Proxy": proxy}
    return make_recipe("bookworm", ARCHIVE, public_key=public_key, apt_options=options, carried_files={})


def test_image_is_the_same_as_long_as_the_recipe_is() -> None:
    assert recipe().image == recipe().image
    assert recipe().image != recipe(public_key="ssh-ed25519 BBBB").image
    assert recipe().image != recipe(proxy="http://localhost:8080").image


def test_updates_are_kept_aside() -> None:
    files = recipe().files
    assert b"Suites: bookworm\n" in files["/etc/apt/sources.list.d/debian.sources"]
    assert b"Suites: bookworm-security\n" in files[UPDATES]


def test_proxy_is_used_as_this_machine_sees_it_while_building_and_as_hosts_see_it_later() -> None:
    assert '--aptopt=Acquire::http::Proxy "http://localhost:3142"' in recipe().command(Path("/build"))
    assert b'"http://host.containers.internal:3142"' in recipe().files["/etc/apt/apt.conf.d/90fleet"]
