"""Lint before plan: one role, or two, on disk for each rule, and what is said about it."""

from __future__ import annotations

import re
from textwrap import dedent
from typing import TYPE_CHECKING

import pytest
from ansible_collections.orderly.services.plugins.plugin_utils._plan.deployments import read_deployments
from ansible_collections.orderly.services.plugins.plugin_utils._service.catalogue import (
    COLLECTION_ROLES,
    RoleFolder,
    find_services,
)
from ansible_collections.orderly.services.plugins.plugin_utils._tasks.findings import FindingsError

if TYPE_CHECKING:
    from pathlib import Path

Files = dict[str, str]


@pytest.fixture
def findings(tmp_path: Path):
    """Write roles and give what is found in them, without the folder."""

    def find(files: Files, known: str = "", **hosts: str) -> list[str]:
        for name, text in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(dedent(text))
            (tmp_path / name.split("/")[0] / "meta").mkdir(exist_ok=True)
            (tmp_path / name.split("/")[0] / "meta/service.yml").touch()
        services = find_services([RoleFolder(tmp_path)])
        try:
            members = {service.name: tuple(hosts.get(service.name, "h1").split()) for service in services}
            read_deployments(services, members, lambda _hosts: frozenset(known.split()))
        except FindingsError as exc:
            return [str(finding).replace(f"{tmp_path}/", "") for finding in exc.findings]
        return []

    return find


def tasks(*items: str) -> str:
    return "---\n" + "\n".join(dedent(item).strip("\n") for item in items) + "\n"


def look(step: int, name: str = "result") -> str:
    return f"- name: Look\n  command: {{argv: [ls]}}\n  register: {name}\n  tags: step{step}"


def use(step: int, name: str = "result") -> str:
    return f"- name: Use\n  command: {{argv: [ls]}}\n  when: {name} is changed\n  tags: step{step}"


UPGRADE = "web/tasks/upgrade_tasks.yml"

# --- Conditions on a step ---

DEAD = [
    "- name: Stop\n  command: ls\n  when: step|int == 2\n  tags: step2",
    "- name: Stop\n  command: ls\n  when: [web is defined, step|int == 2]\n  tags: step2",
    "- name: Stop\n  when: step|int == 2\n  tags: step2\n  block:\n    - command: ls",
]


@pytest.mark.parametrize("text", DEAD)
def test_a_condition_on_a_step_is_dead(findings, text: str) -> None:
    (found,) = findings({UPGRADE: tasks(text)})
    assert found.startswith(
        f'{UPGRADE}:2: [dead-condition] "Stop" uses the variable step, which no plan sets; give it the tag of its '
        "step, one of step0 (validate), "
    )


def test_a_role_may_have_a_variable_of_that_name(findings) -> None:
    looped = (
        "- command: ls\n  loop: [1, 2]\n  loop_control: {loop_var: step}\n  when: step == 1\n  tags: step2"
    )
    assert findings({UPGRADE: tasks(looped)}) == []


# --- Variables ---


def test_a_variable_of_one_part_is_lost_in_the_next(findings) -> None:
    assert findings({UPGRADE: tasks(look(0), use(3))}) == [
        f'{UPGRADE}:6: [lost-variable] "Use" in change reads result, which validate writes ({UPGRADE}:2); variables do '
        'not survive between runs, and each part may run in another one. If "Look" only looks, move it to '
        "tasks/facts.yml, which runs before every part; otherwise determine result again in change, or keep it in a "
        "file on the host."
    ]


def test_a_part_that_restarts_use_too_cannot_read_what_an_upgrade_writes(findings) -> None:
    files = {UPGRADE: tasks(look(3)), "web/tasks/verify.yml": "- assert: {that: result.rc == 0}\n"}
    (found,) = findings(files)
    assert "verify.yml also runs without an upgrade, in rolling restarts. If" in found
    assert "otherwise determine result again in verify" in found


def test_what_looks_is_to_be_moved_to_where_every_part_may_read_it(findings) -> None:
    looks = look(0).replace("command: {argv: [ls]}", "stat: {path: /x}")
    (found,) = findings({UPGRADE: tasks(looks, use(3))})
    assert found.endswith(
        'Move "Look" to tasks/facts.yml, which runs before every part; all parts may read what it finds.'
    )


KEPT = {
    "within a part": {UPGRADE: tasks(look(2), use(5))},
    "in both parts": {UPGRADE: tasks(look(0), look(3), use(3))},
    "from drain to change": {
        UPGRADE: tasks(use(3)),
        "web/tasks/drain.yml": "- command: ls\n  register: result\n",
    },
    "by a file that both import": {
        UPGRADE: tasks(
            "- import_tasks: look.yml\n  tags: step0", "- import_tasks: look.yml\n  tags: step3", use(3)
        ),
        "web/tasks/look.yml": "- command: ls\n  register: result\n",
    },
    "by an included file": {
        UPGRADE: tasks("- include_tasks: look.yml\n  tags: step3", use(3)),
        "web/tasks/look.yml": "- command: ls\n  register: result\n",
    },
    "by facts.yml": {
        "web/tasks/facts.yml": "- command: ls\n  changed_when: false\n  register: result\n",
        UPGRADE: tasks(use(0), use(3), use(6)),
        **{
            f"web/tasks/{part}.yml": "- assert: {that: result.rc == 0}\n"
            for part in ("drain", "verify", "undo", "undrain", "finalize")
        },
    },
    "as a default": {UPGRADE: tasks(look(0), use(3)), "web/defaults/main.yml": "result: {}\n"},
}


@pytest.mark.parametrize("files", KEPT.values(), ids=KEPT)
def test_a_variable_that_is_there_is_read(findings, files: Files) -> None:
    assert findings(files) == []


def test_what_runs_before_every_part_reads_none_of_theirs(findings) -> None:
    files = {UPGRADE: tasks(look(0)), "web/tasks/facts.yml": "- debug: {var: result}\n"}
    (found,) = findings(files)
    assert "in facts reads result, which validate writes" in found
    assert "facts.yml also runs without an upgrade, in rolling restarts." in found


def test_two_services_may_find_out_the_same_in_facts_unless_a_roll_reads_it(findings) -> None:
    facts = "- command: ls\n  changed_when: false\n  register: result\n"
    files = {f"{name}/tasks/facts.yml": facts for name in ("db", "web")}
    assert findings({**files, UPGRADE: tasks(use(0), use(3))}) == []
    (found,) = findings({**files, "db/tasks/verify.yml": "- assert: {that: result.rc == 0}\n"})
    assert "[shared-variable]" in found


def test_two_services_do_not_write_one_variable(findings) -> None:
    files = {
        UPGRADE: tasks(look(3)),
        "db/tasks/upgrade_tasks.yml": tasks("- name: Note\n  set_fact: {result: 1}\n  tags: step0"),
    }
    assert findings(files) == [
        f'{UPGRADE}:2: [shared-variable] "Look" of web writes result, and so does db (db/tasks/upgrade_tasks.yml:2); '
        "on a host that has both, one would read what the other wrote. Give it a name specific to the service, such as "
        "__web_result."
    ]


def test_a_service_does_not_borrow_what_another_finds_out(findings) -> None:
    files = {UPGRADE: tasks(look(3, "fresh")), "db/tasks/upgrade_tasks.yml": tasks(use(3, "fresh"))}
    assert findings(files) == [
        f'db/tasks/upgrade_tasks.yml:2: [borrowed-variable] "Use" of db reads fresh, which only web writes '
        f"({UPGRADE}:2); without it, or in another run, it would be undefined. Determine it in db itself, in "
        "tasks/facts.yml if that only looks."
    ]


OTHER = "db/tasks/upgrade_tasks.yml"
BOTH = {UPGRADE: tasks(look(0), look(3), use(5)), OTHER: tasks(look(0), look(3), use(5))}
SAFE = {
    "written just before": {UPGRADE: tasks(look(3), use(3)), OTHER: tasks(look(3), use(3))},
    "read by itself": dict.fromkeys((UPGRADE, OTHER), tasks(look(3) + "\n  until: result.rc == 0")),
    "written for nobody": {UPGRADE: tasks(look(3)), OTHER: tasks(look(0))},
}


@pytest.mark.parametrize("files", SAFE.values(), ids=SAFE)
def test_two_services_write_one_variable_where_neither_sees_that_of_the_other(findings, files: Files) -> None:
    assert findings(files) == []


MIXED = {
    "read in a later step": BOTH,
    "read before it is written": {UPGRADE: tasks(use(3), look(3)), OTHER: tasks(look(3), use(3))},
    "set under a condition": dict.fromkeys(
        (UPGRADE, OTHER),
        tasks(
            "- when: x\n  tags: step3\n  block:\n    - name: Set\n      set_fact: result={{ x }}",
            use(3),
        ),
    ),
}


@pytest.mark.parametrize("files", MIXED.values(), ids=MIXED)
def test_two_services_share_a_variable_on_hosts_of_both(findings, files: Files) -> None:
    (found,) = findings(files)
    assert "[shared-variable]" in found
    assert findings(files, db="h2 h3", web="h1 h4") == []


def test_services_that_share_no_host_borrow_nothing(findings) -> None:
    files = {UPGRADE: tasks(look(3, "fresh")), OTHER: tasks(use(3, "fresh"))}
    assert findings(files, db="h2") == []


def test_the_inventory_lends_variables(findings) -> None:
    assert findings({UPGRADE: tasks(look(3, "fresh")), OTHER: tasks(use(3, "fresh"))}, known="fresh") == []
    assert findings({UPGRADE: tasks(look(0), use(3))}, known="result") == []


@pytest.mark.parametrize("file", ["defaults/main/a.yml", "vars/main/sub/b.yaml", "defaults/main.yaml"])
def test_folders_of_defaults_give_variables(findings, file: str) -> None:
    assert findings({UPGRADE: tasks(look(0), use(3)), f"web/{file}": "result: {}\n"}) == []


SETTING = [
    "set_fact: fresh=1 other='a b'",
    "include_vars: foo.yml",
    "ansible.builtin.include_vars: {file: foo.yml}",
    "include_vars: file=foo.yml",
    "include_vars: {file: foo.yml, name: fresh}",
    "include_vars: {dir: sub}",
]


@pytest.mark.parametrize("setting", SETTING)
def test_a_variable_of_one_part_is_lost_however_it_is_set(findings, setting: str) -> None:
    files = {
        UPGRADE: tasks(f"- name: Set\n  {setting}\n  tags: step0", use(3, "fresh")),
        "web/vars/foo.yml": "fresh: 1\n",
        "web/vars/sub/foo.yml": "fresh: 1\n",
    }
    (found,) = findings(files)
    assert found.startswith(
        f'{UPGRADE}:5: [lost-variable] "Use" in change reads fresh, which validate writes'
    )


def test_everything_is_found_at_once(findings) -> None:
    files = {
        UPGRADE: tasks("- import_tasks: bad.yml\n  tags: step3", "- name: A\n  command: ls"),
        "web/tasks/bad.yml": "- command: [\n",
        "web/tasks/verify.yml": "- meta: end_play\n",
        "web/meta/main.yml": "dependencies: [nowhere]\n",
        OTHER: tasks(look(0), use(3)),
        "web/meta/service.yml": "requires: [etcd, db]\n",
    }
    found = [re.split(r"[\[\]]", each)[1] for each in findings(files)]
    assert sorted(found) == ["lost-variable", "meta", "missing-requirement", "one-step", "role", "yaml"]


# --- Once in each wave ---

ONCE = [
    "when: inventory_hostname == ansible_play_hosts[0]",
    "when: inventory_hostname == ansible_play_hosts_all | first",
    "delegate_to: '{{ ansible_play_batch | first }}'",
    "when:\n    - x\n    - inventory_hostname == groups['web'][0]",
    "when: groups.web | first == inventory_hostname",
]


@pytest.mark.parametrize("text", ONCE)
def test_what_is_once_for_a_play_is_once_in_each_wave(findings, text: str) -> None:
    files = {UPGRADE: tasks(f"- name: Migrate\n  command: ls\n  {text}\n  tags: step4")}
    (found,) = findings(files)
    assert found.startswith(f'{UPGRADE}:2: [run-once] "Migrate" ')
    assert "Say run_once: true in step4" in found
    assert findings({**files, "web/meta/service.yml": "full_stop: true\n"}) == []


NOT_ONCE = [
    ("delegate_to: \"{{ groups['lb'][0] }}\"", 4),
    ("when: inventory_hostname in groups['web']", 4),
    ("when: inventory_hostname != groups['web'][0]", 4),
    ("when: inventory_hostname == groups['web'][0]", 1),
    ("when: inventory_hostname == ansible_play_hosts[0]", 6),
]


@pytest.mark.parametrize(("text", "step"), NOT_ONCE)
def test_other_words_about_hosts_are_taken(findings, text: str, step: int) -> None:
    assert findings({UPGRADE: tasks(f"- name: A\n  command: ls\n  {text}\n  tags: step{step}")}) == []


# --- What is stopped ---

STOP = (
    "- name: Stop it\n  ansible.builtin.systemd_service: {name: web.service, state: stopped}\n  tags: step2"
)
START = "  service: {name: web, state: started}"
LOOPED = START.replace("web", "'{{ item }}'")
STARTED = {
    "a later step": {UPGRADE: tasks(STOP, f"- name: S\n{START}\n  tags: step5")},
    "undrain": {UPGRADE: tasks(STOP), "web/tasks/undrain.yml": f"- name: S\n{START}\n"},
    "a handler": {UPGRADE: tasks(STOP), "web/handlers/main.yml": f"- name: S\n{START}\n"},
    "a loop": {UPGRADE: tasks(STOP, f"- name: S\n{LOOPED}\n  loop: [web]\n  tags: step5")},
    "nobody, for good": {UPGRADE: tasks(STOP.replace("stopped", "stopped, enabled: false"))},
}


@pytest.mark.parametrize("files", STARTED.values(), ids=STARTED)
def test_what_a_step_stops_may_be_started_by(findings, files: Files) -> None:
    assert findings(files) == []


UNSTARTED = {
    "by nobody": tasks(STOP),
    "before": tasks(STOP.replace("step2", "step3"), f"- name: S\n{START}\n  tags: step2"),
    "another": tasks(STOP, f"- name: S\n{START}\n  tags: step5".replace("web", "other")),
}


@pytest.mark.parametrize("text", UNSTARTED.values(), ids=UNSTARTED)
def test_what_a_step_stops_must_be_started(findings, text: str) -> None:
    (found,) = findings({UPGRADE: text})
    assert found.startswith(
        f'{UPGRADE}:2: [stopped-for-good] "Stop it" stops web, and no later task of steps 2 to 5'
    )


# --- Requirements, and all the rest ---


def test_what_a_service_requires_is_deployed(findings) -> None:
    assert findings({"web/meta/service.yml": "---\nstage: front\nrequires: [db]\n"}) == [
        "web/meta/service.yml:3: [missing-requirement] web requires db, which is not deployed: no host is in its "
        "group. Add hosts to the group, or remove it from requires; after is for services that may be missing."
    ]


def test_the_roles_of_this_collection_are_free_of_findings() -> None:
    services = find_services([RoleFolder(COLLECTION_ROLES)])
    assert len(read_deployments(services, {service.name: ("h1",) for service in services})) >= 3


def test_the_guide_lists_every_rule() -> None:
    guide = (COLLECTION_ROLES.parent / "docs/service-roles.md").read_text()
    sources = (COLLECTION_ROLES.parent / "plugins/plugin_utils").rglob("*.py")
    said = r'(?:finding|report|Finding|DialectError)\(\s*[^"]*?"([a-z]+(?:-[a-z]+)*)",'
    rules = {rule for source in sources for rule in re.findall(said, source.read_text())}
    assert len(rules) >= 12
    assert [rule for rule in sorted(rules) if f"`{rule}`" not in guide] == []


# --- TripleO's dialects ---

SERVICE = "web/meta/service.yml"


def test_a_dialect_is_named_to_whom_asks_for_a_step(findings) -> None:
    (found,) = findings({UPGRADE: tasks(DEAD[0])})
    assert found.endswith("(post-upgrade), or say dialect: when in web/meta/service.yml.")


def test_conditions_on_a_step_are_understood_where_the_service_says_so(findings) -> None:
    stop = "- name: Stop\n  command: ls\n  when: step|int == 2"
    assert findings({UPGRADE: tasks(stop), SERVICE: "dialect: when\n"}) == []


def test_only_steps_have_the_variable_step(findings) -> None:
    look = "- name: Look\n  command: ls\n  when: step|int == 2"
    assert findings({"web/tasks/verify.yml": tasks(look), SERVICE: "dialect: when\n"}) == [
        'web/tasks/verify.yml:2: [dead-condition] "Look" uses the variable step, which only steps have, not '
        "verify; remove it."
    ]


def test_a_variable_step_of_the_roles_own_is_refused_where_it_means_tripleos(findings) -> None:
    assert findings({"web/defaults/main.yml": "step: 1\n", SERVICE: "units: []\ndialect: when\n"}) == [
        f"{SERVICE}:2: [dialect] dialect: when means TripleO's variable step, but this role has a variable of "
        "that name; rename it."
    ]


BY_TAGS = [
    (
        "- name: More\n  include_tasks: more.yml\n  tags: step3",
        '"More" does not pass its tag on to what it includes, so which of that runs cannot be determined beforehand; '
        "import it instead (import_tasks, import_role), which passes the tag on.",
    ),
    (
        "- name: More\n  import_role: {name: more}",
        '"More" imports a role without a step; the role\'s own tags are not inspected. Tag the import.',
    ),
    (
        "- name: More\n  command: ls\n  tags: step6",
        '"More" has the tag step6, which TripleO never runs; the steps are 0 to 5: name one of them, or remove the '
        "task.",
    ),
]


@pytest.mark.parametrize(("text", "message"), BY_TAGS)
def test_what_tags_would_select_must_be_known_before_it_runs(findings, text: str, message: str) -> None:
    more = {"web/tasks/more.yml": "[]\n", "more/tasks/main.yml": "[]\n"}
    found = findings({UPGRADE: tasks(text), **more, SERVICE: "dialect: tags\n"})
    assert found == [f"{UPGRADE}:2: [dialect] {message}"]


def test_a_condition_that_cannot_be_told_has_its_place(findings) -> None:
    stop = "- name: Stop\n  command: ls\n  when: [web is defined, step|int == last_step]"
    assert findings({UPGRADE: tasks(look(3, "web"), stop), SERVICE: "dialect: when\n"}) == [
        f'{UPGRADE}:6: [dialect] "Stop" runs when step|int == last_step, and at which steps that is cannot be '
        "determined before it runs; compare its number with numbers, as in step|int == 2 or step|int in [2, 3], and "
        "keep other conditions apart."
    ]
