"""Writes docs/packages.md: one row for each package and suite, and each exception with its reason."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from judge import Verdict

COUNTED = ("listed", "asked", "recorded", "surprised", "settled")
RELEASES = {"bookworm": "Debian 12", "trixie": "Debian 13"}
HEAD = """\
# Packages that were tried

*Which packages behave when restarts are off, and what do the others do?*

Each was installed on a real host, its services were listed (on Debian 12 its sockets too), and it was upgraded by apt:
to what the archive offers, or else to the same files and maintainer scripts under a higher version ("again"). Then what
was pending was restarted with `restart_services`. Whether a unit was started anew is what systemd says; what a package
asked for is what the kernel saw the children of dpkg run. Neither shares anything with `policy-rc.d`. `make packages`
plays it all and writes this page; CI plays a few packages each day.

| column | what it counts |
|---|---|
| listed | the units of the policy: what ran of the package, and of those that came with it and act on services |
| asked | those of them that a maintainer script asked to stop or restart |
| recorded | units on record after the upgrade: more than asked where a script also asked for one that nobody listed |
| surprise | listed units that were started anew, or stopped, all the same |
| settled | units that `restart_services` started anew, each once, after which nothing was pending |

"Keeps its old program" is said of units whose program was replaced while nothing asked for their restart. Nobody was
promised one: the status lists them under "still run replaced files", and a service's
own upgrade restarts them (`include_stale` of `restart_services`). "Asks to stop" is said of packages that would replace
their files under a stopped daemon: think about [`deferral: hold`](deferring-restarts.md) for databases among them.

What restarts by surprise asks nobody. systemd's own postinst restarts journald with `systemctl`. Before `erlang-base`
is replaced, its prerm kills the `epmd` that it finds (`epmd -kill`, else `kill`), and `epmd.socket` starts it anew as
soon as an Erlang program looks for it. On Debian 12 that prerm also stops, with `systemctl`, every service of a
package that depends on Erlang, RabbitMQ among them; so put `erlang-base` on hold there while restarts are off
(`apt-mark hold erlang-base`).
"""
COLUMNS = ("package", "versions", "listed", "asked", "recorded", "surprise", "settled", "remarks")


def page(verdicts: Mapping[str, Sequence[Verdict]]) -> str:
    """Write the page, from the verdicts of each suite."""
    return "\n".join(
        [HEAD, *_sums(verdicts), *(line for suite in verdicts for line in _table(suite, verdicts[suite]))]
    )


def _sums(verdicts: Mapping[str, Sequence[Verdict]]) -> Iterator[str]:
    for suite, each in verdicts.items():
        played = [verdict for verdict in each if not verdict.trouble]
        total = {what: sum(len(getattr(verdict, what)) for verdict in played) for what in (*COUNTED, "told")}
        counted = ", ".join(f"{total[what]} {what}" for what in COUNTED).replace(
            "surprised", "restarted by surprise"
        )
        wrong = sum(verdict.is_wrong for verdict in played)
        yield (
            f"- {RELEASES[suite]}: {len(played)} packages; units: {counted}; of those by surprise {total['told']} are "
            f"told by the status; packages with a fault of ours: {wrong}"
        )
    yield ""


def _table(suite: str, verdicts: Sequence[Verdict]) -> Iterator[str]:
    yield f"## {RELEASES[suite]}\n"
    yield _row(COLUMNS)
    yield _row(["---"] * len(COLUMNS))
    for verdict in sorted(verdicts, key=lambda verdict: verdict.package):
        if not verdict.trouble:
            numbers = [str(len(getattr(verdict, what))) for what in COUNTED]
            yield _row([f"`{verdict.package}`", verdict.versions, *numbers, "; ".join(remarks(verdict))])
    if not_played := [verdict for verdict in verdicts if verdict.trouble]:
        yield "\nNot played: " + ", ".join(f"`{verdict.package}`" for verdict in not_played)
    yield ""


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def remarks(verdict: Verdict) -> Iterator[str]:
    """Say what is worth knowing of a package, and every exception."""
    yield from (f"**{fault}**" for fault in verdict.faults)
    if verdict.is_held:
        yield "on hold, so nothing happened; then upgraded while stopped"
    said = {
        "restarted by systemctl, which does not ask; the status tells it": verdict.by_systemctl,
        "ended by neither systemctl nor a question, and started anew; the status tells it": (
            verdict.told - verdict.by_systemctl
        ),
        "asks to stop before its files are replaced": verdict.stopped_early,
        "asks to reload": verdict.reloaded,
        "keeps its old program": verdict.replaced,
        "not listed, restarted as asked": verdict.made_up_for,
    }
    yield from (f"{what}: {_some(sorted(units))}" for what, units in said.items() if units)
    if verdict.is_silent:
        yield "asks for nothing"


def _some(units: Sequence[str]) -> str:
    return ", ".join(units[:3]) + (f" and {len(units) - 3} more" if len(units) > 3 else "")
