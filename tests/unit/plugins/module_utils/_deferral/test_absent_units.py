"""A service whose unit is not there is told, with what the host has instead."""

from __future__ import annotations

from typing import Any

from ansible_collections.orderly.services.plugins.module_utils._deferral.absent_units import (
    absent_services,
    is_of_no_service,
    umbrellas,
)
from ansible_collections.orderly.services.plugins.module_utils._host.systemd import Systemd

THERE = {"php8.2-fpm.service", "apache2.service"}


def run(command: list[str], **_options: Any) -> tuple[int, str, str]:
    if command[1] == "list-unit-files":
        return 0, "".join(f"{unit} enabled enabled\n" for unit in sorted(THERE)), ""
    units = command[command.index("--") + 1 :]
    shown = (f"Id={unit}\nLoadState={'loaded' if unit in THERE else 'not-found'}\n" for unit in units)
    return 0, "\n".join(shown), ""


def said(**units: str) -> list[str]:
    services = {name.replace("_", "-"): each.split() for name, each in units.items()}
    return [words for _name, words in absent_services(Systemd(run), services, run)]


def test_a_unit_that_is_not_there_is_told_with_the_one_that_was_meant() -> None:
    assert said(php_fpm="php-fpm.service", apache2="apache2.service") == [
        "php-fpm: there is no php-fpm.service here, so no restart of it is deferred. It has php8.2-fpm.service. "
        "List its units (in meta/service.yml, or in orderly_services) as systemctl list-units shows them."
    ]


def test_one_unit_of_several_releases_is_enough() -> None:
    assert said(php_fpm="php8.2-fpm.service php8.4-fpm.service") == []


def test_where_nothing_is_alike_nothing_is_guessed() -> None:
    (words,) = said(mail="postfix.service")
    assert words == (
        "mail: there is no postfix.service here, so no restart of it is deferred. List its units (in "
        "meta/service.yml, or in orderly_services) as systemctl list-units shows them."
    )


def test_a_service_without_units_misses_none() -> None:
    assert said(job="") == []


def grouping(kind: str, *units: str) -> list[str]:
    def show(command: list[str], **_options: Any) -> tuple[int, str, str]:
        asked = command[command.index("--") + 1 :]
        about = f"Type={kind}\nConsistsOf=postgresql@15-main.service other.service\n"
        return 0, "\n".join(f"Id={unit}\nLoadState=loaded\n{about}" for unit in asked), ""

    return list(map(str, umbrellas({"db": units}, Systemd(show).show(units))))


def test_a_unit_that_only_groups_others_is_told_with_those() -> None:
    assert grouping("oneshot", "postgresql.service") == [
        "db: postgresql.service runs nothing itself and only groups postgresql@15-main.service here. Write that into "
        "its units too: else a restart of it is recorded, and no roll does it."
    ]


def test_where_they_are_listed_or_it_runs_a_program_nothing_is_told() -> None:
    assert grouping("oneshot", "postgresql.service", "postgresql@15-main.service") == []
    assert grouping("simple", "postgresql.service") == []


def test_a_unit_is_of_no_service_where_none_has_it_and_it_drags_none_that_one_has() -> None:
    services = {"web": ["web.service"]}
    assert is_of_no_service("lonely.service", [], services)
    assert is_of_no_service("lonely.service", ["other.service"], services)
    assert not is_of_no_service("web.service", [], services)
    assert not is_of_no_service("lonely.service", ["web.service"], services)
    assert not is_of_no_service("lonely.service", [], {})  # nobody noted which there are
