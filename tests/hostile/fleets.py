"""Fleets whose hosts and groups have names of any kind, through the whole planner: refused by name, or all is well."""

from __future__ import annotations

import itertools
import json
import tempfile
from dataclasses import dataclass, field
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jinja2
import yaml
from ansible.inventory.manager import InventoryManager
from ansible.parsing.dataloader import DataLoader
from ansible_collections.orderly.services.plugins.plugin_utils._common.errors import ControllerError
from ansible_collections.orderly.services.plugins.plugin_utils._common.text import natural, printable
from ansible_collections.orderly.services.plugins.plugin_utils._upgrade import make_plan
from hypothesis import strategies as st

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ansible_collections.orderly.services.plugins.plugin_utils._plan.plan import Plan, Play

PIECES = (
    *(
        "{{ x }}",
        "{%",
        "%}",
        "{#",
        "#}",
        "}}",
        "{",
        "lookup('pipe', 'id')",
        "*",
        "?",
        "[",
        "]",
        "[0]",
        "[1:2]",
        "~",
    ),
    *(
        "!",
        "&",
        ",",
        ":",
        "::1",
        "@",
        "'",
        '"',
        "\\",
        "|",
        ">",
        "- ",
        ": ",
        " #",
        "%",
        "yes",
        "null",
        "!unsafe ",
        "\t",
    ),
    *(
        "\n",
        "\r",
        "\x00",
        "\x1b[2J",
        "\x7f",
        "\x85",
        "\u2028",
        "\u202e",
        "\u00a0",
        "\ufeff",
        "\ud800",
        "\U0001f600",
    ),
    *(
        "é",
        "漢",
        "²",
        "٣",
        "..",
        "/",
        "../",
        "$(id)",
        "`id`",
        ";",
        "</script>",
        "<!--",
        "<b>",
        "a",
        "web",
        "db",
        "all",
    ),
    *("1", "12", "9" * 50, ".example.org", "-", "_", "localhost", "x" * 90, "x" * 250, "9" * 5000),
)
WHOLE = (
    "::1",
    "fe80::1%eth0",
    "2001:db8::2",
    "localhost",
    "127.0.0.1",
    "all",
    "ungrouped",
    "web",
    "db",
    "o'brien",
)
NAMES = (
    st.sampled_from(WHOLE)
    | st.from_regex(r"[a-z]{1,3}[0-9]{1,2}", fullmatch=True)
    | st.lists(st.sampled_from(PIECES), min_size=1, max_size=5).map("".join)
    | st.text(st.characters(), min_size=1, max_size=30)
)


@dataclass(frozen=True)
class Fleet:
    """The hosts of two services, what their groups are called, and groups that have no service."""

    web: Sequence[str]
    db: Sequence[str]
    web_group: str = "web"
    others: dict[str, list[str]] = field(default_factory=dict)

    @property
    def groups(self) -> dict[str, list[str]]:
        """Give the groups as an inventory has them."""
        groups = {**self.others, "db": list(self.db), self.web_group: list(self.web)}
        groups.pop("all", None)
        return {**groups, "all": list(dict.fromkeys(itertools.chain(*groups.values())))}

    # --- As the planner sees it ---

    def variable(self, _host: str, name: str) -> Any:
        return self.web_group if name == "web_group" else None

    def typical_hosts(self, hosts: Sequence[str], _names: object) -> Sequence[str]:
        return hosts[:1]

    def names_given(self, _hosts: Sequence[str]) -> frozenset[str]:
        return frozenset()

    def values(self, hosts: Sequence[str], _name: str) -> dict[str, None]:
        return dict.fromkeys(hosts)


HOSTS = st.lists(NAMES, min_size=1, max_size=4, unique=True)
FLEETS = st.builds(
    Fleet,
    HOSTS,
    HOSTS,
    st.sampled_from(["web", "web", "web", "w.e-b"]) | NAMES,
    st.dictionaries(NAMES, HOSTS, max_size=2),
)


# --- What is looked at ---


class Unsafe(str):
    """A text that Ansible does not template."""

    __slots__ = ()


class Reader(yaml.SafeLoader):
    """Reads what Ansible reads."""


Reader.add_constructor("!unsafe", lambda loader, node: Unsafe(loader.construct_scalar(node)))


class Script(HTMLParser):
    """Finds the data of a page as a browser does."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self._inside = False
        self.data = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._inside = tag == "script" and ("id", "plan") in attrs

    def handle_endtag(self, _tag: str) -> None:
        self._inside = False

    def handle_data(self, data: str) -> None:
        self.data += data if self._inside else ""


def read(file: Path) -> Any:
    """Read a file of a playbook or of tasks."""
    return yaml.load(file.read_text(encoding="utf-8"), Reader)  # noqa: S506 - a safe loader with one more tag


def templates(data: Any, key: str = "") -> Iterator[str]:
    """Give all that Ansible templates in a playbook, conditions as expressions."""
    if isinstance(data, dict):
        for name, value in data.items():
            yield from templates(name)
            yield from templates(value, str(name))
    elif isinstance(data, list):
        for value in data:
            yield from templates(value, key)
    elif isinstance(data, str) and not isinstance(data, Unsafe):
        yield f"{{{{ {data} }}}}" if key in ("when", "that", "failed_when") else data


def shape(node: Any) -> Any:
    """Give the form of a template: what it does, whatever the texts and numbers in it."""
    if isinstance(node, jinja2.nodes.Const | jinja2.nodes.TemplateData):
        return type(node).__name__
    if isinstance(node, jinja2.nodes.Node):
        return (
            type(node).__name__,
            *((name, shape(value)) for name, value in node.iter_fields() if name != "ctx"),
        )
    return tuple(map(shape, node)) if isinstance(node, list | tuple) else node


def shapes(folder: Path) -> set[Any]:
    """Give the forms of all that Ansible templates in a plan's playbooks and in what we write into its roles."""
    files = [
        *folder.glob("*.yml"),
        *folder.glob("roles/*/tasks/*.change.yml"),
        *folder.glob("roles/*/tasks/*.finalize.yml"),
    ]
    texts = {text for file in files for text in templates(read(file))}
    return {
        shape(jinja2.Environment(autoescape=True, extensions=["jinja2.ext.do"]).parse(text)) for text in texts
    }


@cache
def roles() -> str:
    """Write the roles of both services, for as long as this process lives."""
    folder = Path(ROLES.name)
    for name, after in (("web", ""), ("db", "after: [web]\n")):
        for path, text in {
            "meta/service.yml": f"service: {name}\nmax_unavailable: 2\n{after}",
            "tasks/upgrade_tasks.yml": "".join(
                f"- name: Do it\n  ansible.builtin.command: 'true'\n  tags: step{step}\n"
                + ("  when: inventory_hostname == orderly_run_once_host\n" if step == 4 else "")
                for step in (0, 3, 4, 5, 6)
            ),
            **dict.fromkeys(
                ("tasks/drain.yml", "tasks/verify.yml", "tasks/finalize.yml"),
                "- name: Do it\n  ansible.builtin.command: 'true'\n",
            ),
        }.items():
            (folder / name / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / name / path).write_text(text)
    return str(folder)


ROLES = tempfile.TemporaryDirectory(prefix="named-fleet.")


@cache
def known_shapes() -> set[Any]:
    """Give the forms of templates in plans of fleets whose names are plain."""
    known: set[Any] = set()
    apart = itertools.product(
        ("w1", "w1 w2", "w1 w2 w3", "w1 w2 w3 w4"), ("d1", "w1", "w1 w2 w3", "d1 d2 d3 d4")
    )
    fleets = [Fleet(web.split(), db.split()) for web, db in apart]
    fleets += [Fleet(hosts.split(), hosts.split(), "db") for hosts in ("w1", "w1 w2 w3 w4")]
    for fleet in fleets:
        with tempfile.TemporaryDirectory() as folder:
            _plan, path = plan_of(fleet, folder)
            known |= shapes(path.parent)
    return known


def plan_of(fleet: Fleet, folder: str) -> tuple[Plan, Path]:
    """Make the plan of a fleet."""
    variables = {"groups": fleet.groups, "orderly_roles_path": roles()}
    return make_plan(fleet, variables, {"plan_dir": f"{folder}/plan"})  # type: ignore[arg-type]


# --- What must be so ---


def check(fleet: Fleet) -> str:
    """Plan for a fleet; gives ``planned`` or ``refused``, and raises AssertionError where a name is not a name."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            plan, path = plan_of(fleet, folder)
        except ControllerError as exc:
            _check_refusal(fleet, str(exc))
            assert not list(Path(folder).iterdir())
            return "refused"
        _check_page(plan, path.parent)
        assert shapes(path.parent) <= known_shapes()
        for file in path.parent.glob("*.yml"):
            _check_playbook(fleet, plan, file)
    return "planned"


def _check_refusal(fleet: Fleet, said: str) -> None:
    names = {*fleet.groups, *fleet.groups["all"]}
    assert any(f'"{printable(name)}"' in said for name in names) or f"group is {fleet.web_group!r}" in said, (
        said
    )
    assert said.replace("\n", "").isprintable()


def _check_page(plan: Plan, folder: Path) -> None:
    told = json.loads(Script((folder / "plan.html").read_text(encoding="utf-8")).data)
    assert set(told["hosts"]) == {host for service in plan.services.values() for host in service.hosts}
    assert [play["title"] for play in told["plays"]] == [play.title for play in plan.plays]
    assert {each["name"]: each["group"] for each in told["services"]} == {
        name: service.group for name, service in plan.services.items()
    }


def _check_playbook(fleet: Fleet, plan: Plan, file: Path) -> None:
    manager = InventoryManager(loader=DataLoader(), sources=None)
    for group, hosts in fleet.groups.items():
        manager.add_group(group)
        for host in hosts:
            manager.add_host(host, group=group)
    for each in read(file):
        hosts = each["hosts"]
        meant = {host.name for host in manager.get_hosts(hosts)} if "{{" not in hosts else None
        if "orderly_play" in each.get("vars", {}):
            play = plan.play(each["vars"]["orderly_play"])
            end = hosts.rpartition("}}")[2]
            found = {host.name for host in manager.get_hosts(each["vars"]["orderly_hosts"] + end)}
            members = set(fleet.groups[end.removeprefix(",&")]) if end else set(play.hosts)
            assert found == set(play.hosts) & members
            _check_title(each["name"], play)
        elif meant is not None and hosts != "all":
            assert meant == set().union(*(fleet.groups[group] for group in hosts.split(",")))


def _check_title(title: str, play: Play) -> None:
    for host in sorted(play.hosts, key=natural):
        assert play.kind != "change" or host in title
