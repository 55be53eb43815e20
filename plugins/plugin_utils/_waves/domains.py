"""The rota of failure domains: whose turn it is in each wave, so that services wait little for their hosts' domains."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    Needs = Mapping[str, Counter[str]]

    """The waves that each service needs in each failure domain."""

EAGERNESS = (
    1.1,
    1.2,
    1.4,
)  # how much more a service counts than one with a wave less to go; no value is best for all


@dataclass(frozen=True)
class Rota:
    """The failure domain of each wave, and the last wave that each service may take without others being late."""

    domains: tuple[str, ...]
    due: Mapping[str, int]


def make_rota(needs: Needs, earlier: Mapping[str, Collection[str]], after: Mapping[str, int]) -> Rota:
    """Choose for each wave the domain in which services with most waves still to go get on.

    *earlier* names all that each service comes after, *after* counts the waves from the end of each service to the end
    of all.
    """
    rotas = (_with_eagerness(eagerness, needs, earlier, after) for eagerness in EAGERNESS)
    return min(rotas, key=lambda rota: len(rota.domains))


def _with_eagerness(
    eagerness: float, needs: Needs, earlier: Mapping[str, Collection[str]], after: Mapping[str, int]
) -> Rota:
    left = {name: +Counter(need) for name, need in needs.items() if need}
    begun: dict[str, int] = {}
    domains: list[str] = []
    while left:
        ready = [name for name in left if left.keys().isdisjoint(earlier[name])]
        weights = _weights(eagerness, {name: after[name] + left[name].total() for name in ready}, left)
        domain = min(weights, key=lambda name: (-weights[name], name))
        for name in ready:
            if left[name][domain]:
                begun.setdefault(name, len(domains))
                left[name] = left[name] - Counter([domain])
                if not left[name]:
                    del left[name]
        domains.append(domain)
    last = len(domains) - 1
    return Rota(
        tuple(domains),
        {name: min((begun[n] - 1 for n in begun if name in earlier[n]), default=last) for name in begun},
    )


def _weights(eagerness: float, to_go: Mapping[str, int], left: Needs) -> Counter[str]:
    most = max(to_go.values())
    weights: Counter[str] = Counter()
    for name, waves in sorted(to_go.items()):
        weights.update(dict.fromkeys(left[name], eagerness ** (waves - most)))
    return weights
