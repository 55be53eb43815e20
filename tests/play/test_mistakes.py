"""What newcomers get wrong ends with the sentence that says what happened, why, and what to type; never in silence.

Each mistake is played against a small fleet: web on a1 and a2, db on a1, and web comes after db. That sentence is on
the last screen, whatever stands above it. With ``SCREENS=FOLDER`` the screens are written there, for people to judge.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from .toys import ROOT

if TYPE_CHECKING:
    from .toys import Site


@dataclass(frozen=True)
class Mistake:
    """What is done wrong: a playbook and what is typed after it, and files that are written, by their path.

    *said* is the sentence that must be on the screen. With *goes_on* it is a warning, and the run is right otherwise.
    """

    playbook: str
    typed: str
    said: str
    files: dict[str, str] = field(default_factory=dict)
    goes_on: bool = False


ROWS, COLUMNS = 24, 100


def last_screen(raw: str) -> str:
    """Give what a terminal shows of an output when it has ended."""
    rows = [
        line[at : at + COLUMNS] for line in raw.split("\n") for at in range(0, max(len(line), 1), COLUMNS)
    ]
    return "\n".join(rows[-ROWS:])


def keep_screen(mistake: Mistake, raw: str, code: int, folder: Path) -> None:
    """Write the last screen of a mistake where somebody wants to look at them all."""
    number = list(MISTAKES.values()).index(mistake) + 1
    typed = f"$ ansible-playbook -i hosts.yml orderly.services.{mistake.playbook} {mistake.typed}".rstrip()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{number:02}.txt").write_text(last_screen(f"{typed}\n{raw}$ echo $?\n{code}\n"))


def unknown(name: str, meant: str) -> str:
    return f"-e {name} is unknown. Did you mean {meant}? Nothing was done."


WHOLE = (
    "does not take --tags or --skip-tags: single steps and checks cannot be chosen. Choose hosts with --limit"
)
MISTAKES = {
    "service for restart_only": Mistake(
        "restart_services", "-e service=web", unknown("service", "restart_only")
    ),
    "services for upgrade_only": Mistake("upgrade", "-e services=web", unknown("services", "upgrade_only")),
    "upgrade_stages": Mistake(
        "upgrade", "-e upgrade_stages=back", unknown("upgrade_stages", "upgrade_stage")
    ),
    "stage": Mistake("upgrade", "-e stage=back", unknown("stage", "upgrade_stage")),
    "confirm": Mistake(
        "upgrade",
        "-e confirm=web",
        unknown("confirm", "upgrade_confirm=SERVICE, whose point of no return may be passed"),
    ),
    "approved_plan": Mistake(
        "upgrade",
        "-e approved_plan=1",
        unknown("approved_plan", "upgrade_approved_plan=HASH, as orderly.services.plan prints it"),
    ),
    "campaign": Mistake("upgrade", "-e campaign=friday", unknown("campaign", "upgrade_campaign")),
    "reason": Mistake("dismiss_restarts", "-e reason=docs", unknown("reason", "dismiss_reason")),
    "serial": Mistake("rolling_restart", "-e serial=1", unknown("serial", "rolling_op_serial")),
    "a letter too few": Mistake(
        "defer_restarts",
        "-e enable_auto_restart=false",
        unknown("enable_auto_restart", "enable_auto_restarts"),
    ),
    "the store mistyped": Mistake("status", "-e orderly_stor=x", unknown("orderly_stor", "orderly_store")),
    "a parameter of another playbook": Mistake(
        "restart_services",
        "-e upgrade_only=web",
        "-e upgrade_only is for upgrade, not for restart_services. Did you mean restart_only? Nothing was done.",
    ),
    "names for a playbook that takes none": Mistake(
        "defer_restarts",
        "-e services=web",
        "-e services is unknown: defer_restarts acts on all services of its hosts. Leave it out, and choose hosts with",
    ),
    "a setting mistyped with -e": Mistake(
        "list_services",
        "-e web_max_unavailible=50%",
        "-e web_max_unavailible is not a setting of web. Did you mean web_max_unavailable? Nothing was done.",
    ),
    "a setting mistyped in the inventory": Mistake(
        "status",
        "",
        "web_max_unavailible (group web in the inventory) is not a setting of web. Did you mean web_max_unavailable?",
        {"group_vars/web.yml": "web_max_unavailible: 2\n"},
    ),
    "a setting of a service that is not there": Mistake(
        "upgrade",
        "--list-tasks",
        "wbe_max_unavailable (group web in the inventory) is for a service that does not exist. Did you mean web_max_",
        {"group_vars/web.yml": "wbe_max_unavailable: 2\n"},
    ),
    "a value that is none": Mistake(
        "upgrade",
        "-e web_max_unavailable=fifty",
        "web_max_unavailable of a1: max_unavailable is 'fifty'; expected a number (1 or more), or a percentage",
    ),
    "a stage that there is not": Mistake(
        "upgrade", "-e upgrade_stage=contrlplane", 'unknown stage "contrlplane"'
    ),
    "a service that there is not": Mistake("upgrade", "-e upgrade_only=apache", 'unknown service "apache"'),
    "a service that there is not, to restart": Mistake(
        "restart_services",
        "-e restart_only=apache",
        'restart_only: unknown service "apache"; this inventory has: db, web.',
    ),
    "a service that there is not, to pause": Mistake(
        "pause_services",
        "-e pause_only=apache",
        'pause_only: unknown service "apache"; this inventory has: db, web.',
    ),
    "a hash that is too short": Mistake(
        "upgrade",
        "-e upgrade_approved_plan=deadbeef",
        "'deadbeef' is not the hash of a plan; expected all of its 64",
    ),
    "a hash of nothing": Mistake("upgrade", f"-e upgrade_approved_plan={'0' * 64}", "0000000000000000"),
    "tags": Mistake("upgrade", "--tags step3", WHOLE),
    "tags to look": Mistake("upgrade", "--list-hosts --tags step3", WHOLE),
    "tags to skip": Mistake("rolling_restart", "--skip-tags verify", WHOLE),
    "tags for the status": Mistake("status", "--tags web", WHOLE),
    "the prerequisite left out": Mistake(
        "upgrade",
        "-e upgrade_only=web",
        "web must come after db, which is not among the services of this run and not done on a1. Nothing was touched. "
        "Add what is missing: -e upgrade_only=web,db.",
    ),
    "service.yaml": Mistake(
        "upgrade",
        "--list-tasks",
        "roles/mail is left out: its meta/service.yaml is not read. Rename it to meta/service.yml.",
        {"roles/mail/meta/service.yaml": "units: [mail.service]\n"},
        goes_on=True,
    ),
    "no service.yml": Mistake(
        "upgrade",
        "--list-tasks",
        "roles/mail is left out: it has tasks/upgrade_tasks.yml and no meta/service.yml. Write one;",
        {"roles/mail/tasks/upgrade_tasks.yml": "[]\n"},
        goes_on=True,
    ),
    "a group that has no hosts": Mistake(
        "list_services",
        "",
        "mail is left out: its group mails has no hosts. Give that group hosts, or write group: NAME in",
        {"roles/mail/meta/service.yml": "group: mails\n"},
        goes_on=True,
    ),
    "a key that there is not": Mistake(
        "rolling_restart",
        "",
        "roles/mail/meta/service.yml:1: unknown key 'unit'. Did you mean units?",
        {"roles/mail/meta/service.yml": "unit: mail.service\n"},
    ),
    "services that wait for each other": Mistake(
        "upgrade",
        "",
        "The services wait for each other",
        {"roles/db/meta/service.yml": "after: [web]\nunits: [db.service]\n"},
    ),
    "a setting that differs on two hosts": Mistake(
        "upgrade",
        "",
        "must be the same on all its hosts. Set it in the variables of the group web, and in those of no host.",
        {"host_vars/a2.yml": "web_max_unavailable: 2\n"},
    ),
    "two roles of one name": Mistake(
        "list_services",
        "",
        'Two roles register the service "web"',
        {"roles/other/meta/service.yml": "service: web\n"},
    ),
    "a collection that is not installed": Mistake(
        "list_services",
        "-e orderly_collections=acme.stack",
        "orderly_collections: acme.stack is not installed",
    ),
    "a campaign's name with a slash": Mistake(
        "upgrade", "-e upgrade_campaign=a/b", "is not a name for a campaign"
    ),
    "a host that there is not": Mistake("rolling_restart", "--limit nosuch", "nosuch"),
    "abandoning without a reason": Mistake(
        "abandon_campaign", "-e abandon_campaign=friday", "-e abandon_reason=…"
    ),
    "abandoning what there is not": Mistake(
        "abandon_campaign",
        "-e abandon_campaign=friday -e abandon_reason=withdrawn",
        'There is no open campaign "friday"; open: none. The playbook campaigns lists those that have ended, too.',
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES.values(), ids=MISTAKES.keys())
def test_a_mistake_is_told(site: Site, mistake: Mistake) -> None:
    site.groups(web="a1 a2", db="a1")
    site.service("db", "0 3")
    site.service("web", "3", after=["db"])
    for path, text in mistake.files.items():
        site.write(path, text)
    outcome = site.upgrade(*mistake.typed.split(), playbook=f"orderly.services.{mistake.playbook}")
    if folder := os.environ.get("SCREENS"):
        at_home = outcome.raw.replace(str(site.folder), "/home/ann/fleet").replace(
            str(ROOT / ".build"), "~/.ansible"
        )
        keep_screen(mistake, at_home, outcome.code, Path(folder))
    # A word may stand on two rows of a terminal, so that only what is on one line is looked for.
    shown = last_screen(outcome.raw).replace("\n", "")
    assert mistake.said.replace(" ", "") in shown.replace(" ", ""), outcome.raw
    assert (outcome.code == 0) is mistake.goes_on, outcome.raw
    assert outcome.touched == set()


def test_an_inventory_that_was_not_given_is_missed(site: Site) -> None:
    site.write("empty.yml", "all: {hosts: {}}\n")
    site.inventory = site.folder / "empty.yml"
    for playbook in ("status", "upgrade", "rolling_restart", "defer_restarts"):
        outcome = site.upgrade(playbook=f"orderly.services.{playbook}")
        assert "No inventory was given, or none that has hosts" in outcome.text, outcome.raw
        assert outcome.code != 0


def test_turning_restarts_off_where_nothing_is_deployed_is_refused(site: Site) -> None:
    site.groups(webservers="a1")
    outcome = site.upgrade(playbook="orderly.services.defer_restarts")
    assert "No service is deployed: no service role has a group with hosts in this inventory." in outcome.text
    assert outcome.code != 0


def test_a_roll_that_has_nothing_to_do_names_no_group_of_ours(site: Site) -> None:
    site.groups(web="a1", others="a2")
    site.service("web", "3")
    outcome = site.upgrade(playbook="orderly.services.rolling_restart")
    assert outcome.code == 0, outcome.raw
    assert "orderly_roll" not in outcome.text


def test_a_plan_does_not_call_hosts_silent_that_it_did_not_ask(site: Site) -> None:
    site.groups(web="a1 a2")
    site.service("web", "3")
    outcome = site.make_plan("--limit", "a1")
    assert "Not surveyed: a2: it was not asked, as --limit leaves it out" in outcome.text, outcome.raw


def test_a_syntax_check_needs_no_inventory(site: Site) -> None:
    site.write("empty.yml", "all: {hosts: {}}\n")
    site.inventory = site.folder / "empty.yml"
    for playbook in ("upgrade", "rolling_restart", "status"):
        outcome = site.upgrade("--syntax-check", playbook=f"orderly.services.{playbook}")
        assert outcome.code == 0, outcome.raw


def test_hosts_that_no_service_runs_on_are_told_of_those_that_were_asked(site: Site) -> None:
    site.groups(web="a1", others="a2 a3")
    site.service("web", "3", units=["web.service"])
    bare = "No service of this inventory runs on"
    assert f"{bare} a2, a3;" in site.upgrade("--list-hosts", playbook="orderly.services.defer_restarts").text
    for limit, said in (("a1", ""), ("a1,a2", f"{bare} a2;")):
        text = site.upgrade("--list-hosts", "--limit", limit, playbook="orderly.services.defer_restarts").text
        assert said in text
        assert (bare in text) is bool(said)
