# This is a private utility of the orderly.services collection; it may change without notice.
"""The plan as a page: one self-contained HTML file to read before the plan runs."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from ._planner import CHANGE, DISRUPTIVE

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ._planner import Plan, Play

PAGE = """\
<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<title>Upgrade plan {id}</title>
<style>
body {{ font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 72rem; padding: 0 1rem; }}
table {{ border-collapse: collapse; width: 100%; margin: 0 0 2rem; }}
th, td {{ border-bottom: 1px solid #8884; padding: .3rem .6rem; text-align: left; vertical-align: top; }}
tr.disruptive {{ background: #fa02; }}
code {{ font-size: .95em; }}
:root {{ color-scheme: light dark; }}
</style>
<h1>Upgrade plan <code>{id}</code></h1>
<p>{summary} Packages are never rolled back: a plan has no way back but your backups.</p>
<h2>What runs, in order</h2>
<table>
<tr><th>#<th>Play<th>What<th>Service and hosts<th>Only after, on all hosts</tr>
{plays}
</table>
<h2>Services</h2>
<table>
<tr><th>Service<th>Stage<th>Hosts<th>Down at once<th>After<th>Steps<th>Expected</tr>
{services}
</table>
</html>
"""


def render_page(plan: Plan) -> str:
    """Give the text of ``plan.html``."""
    waves = sum(play.kind == CHANGE for play in plan.plays)
    hosts = {host for service in plan.services.values() for host in service["hosts"]}
    return PAGE.format(
        id=escape(plan.id),
        summary=f"{len(plan.services)} services on {len(hosts)} hosts, {waves} waves.",
        plays="\n".join(_play_row(number, play) for number, play in enumerate(plan.plays, 1)),
        services="\n".join(_service_row(plan, name) for name in plan.services),
    )


def _play_row(number: int, play: Play) -> str:
    on = "<br>".join(
        f"<b>{escape(name)}</b> on {escape(' '.join(hosts))}" for name, hosts in play.services.items()
    )
    kind = ' class="disruptive"' if play.kind in DISRUPTIVE else ""
    cells = _cells([str(number), play.id, play.title])
    before = [need for need in play.needs if need.partition("@")[2] not in play.hosts]
    return f"<tr{kind}>{cells}<td>{on}{_cells([', '.join(before)])}</tr>"


def _service_row(plan: Plan, name: str) -> str:
    service = plan.services[name]
    down = f"{service['slots']} of {len(service['hosts'])}"
    outage = (
        "down meanwhile: it has no other host"
        if service["slots"] >= len(service["hosts"])
        else "keeps serving"
    )
    expected = outage if set(service["steps"]) & {2, 3, 4, 5} else "not disrupted"
    after = ", ".join([*service["after"], *service["requires"]])
    steps = " ".join(map(str, service["steps"]))
    return f"<tr>{_cells([name, service['stage'], ' '.join(service['hosts']), down, after, steps, expected])}</tr>"


def _cells(texts: Iterable[str]) -> str:
    return "".join(f"<td>{escape(text)}" for text in texts)
