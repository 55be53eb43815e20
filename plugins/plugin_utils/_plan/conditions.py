"""Order that depends on versions: which ``after`` and ``requires`` with a ``when`` hold, by what hosts were surveyed.

Pure. Of a fleet the lowest installed version counts and the highest candidate, so that an order which is opposite for
older versions is never asked for both ways, and stays what it was while the fleet is half upgraded.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from .._common.text import natural
from .._service.catalogue import in_order
from .._service.deb_version import version_key
from .._service.service import CatalogueError
from .._service.settings import place_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from .._service.service import Dependency, Service
    from .survey import Survey, Versions


def settle(
    services: Iterable[Service], members: Mapping[str, Iterable[str]], survey: Survey | None
) -> tuple[Service, ...]:
    """Decide about every dependency that has a condition, and names a service that is deployed or required.

    The services come in the order that this gives.

    :raises CatalogueError: when versions that a condition asks for are not known, or services now wait for each other
    """
    return in_order(
        {
            service.name: replace(
                service,
                after=_settled(service, "after", members, survey),
                requires=_settled(service, "requires", members, survey),
            )
            for service in services
        }
    )


def is_settled_by_survey(services: Iterable[Service]) -> bool:
    """Tell whether some order among *services* was decided by the versions of hosts."""
    return any(
        dependency.holds is not None
        for service in services
        for dependency in (*service.after, *service.requires)
    )


def _settled(
    service: Service, key: str, members: Mapping[str, Iterable[str]], survey: Survey | None
) -> tuple[Dependency, ...]:
    dependencies: tuple[Dependency, ...] = getattr(service, key)
    return tuple(
        replace(each, holds=_holds(service, key, each, members, survey))
        if each.when is not None and (key == "requires" or each.service in members)
        else each
        for each in dependencies
    )


def _holds(
    service: Service,
    key: str,
    dependency: Dependency,
    members: Mapping[str, Iterable[str]],
    survey: Survey | None,
) -> bool:
    when = dependency.when
    if when is None:
        return True
    where = f"{place_of(service, key)}: {key}: {dependency}"
    pair = [name for name in (service.name, dependency.service) if name in members]
    if survey is None:
        raise CatalogueError(
            f"{where}: the versions of {when.package} are not known until the hosts are queried. "
            "Run orderly.services.plan, and then the command that it prints (-e upgrade_approved_plan=HASH); or set"
            f" the order in the inventory, {service.name.replace('-', '_')}_{key}: […]."
        )
    silent = sorted({host for name in pair for host in members[name]} & {*survey.missing}, key=natural)
    if silent:
        raise CatalogueError(
            f"{where}: the version of {when.package} on {' '.join(silent)} is not known, so neither is the order. "
            "Bring the host back, and make the plan again."
        )
    found = [each for name in pair for each in survey.services.get(name, ()) if each.package == when.package]
    if not found:
        raise CatalogueError(
            f"{where}: {when.package} is a package of neither {' nor '.join(pair)}, as far as the hosts know. Name it "
            f"in the packages of one of them ({service.source})."
        )
    return when.holds(*_extremes(found))


def _extremes(versions: Iterable[Versions]) -> tuple[str, str]:
    """Give the lowest version that is installed anywhere, and the highest that apt would install."""
    versions = tuple(versions)
    installed = [each.installed for each in versions if each.installed]
    candidates = [each.candidate for each in versions if each.candidate]
    return min(installed, key=version_key, default=""), max(candidates, key=version_key, default="")
