"""The playbook restart_services, as far as it needs no unit of systemd: toy services have none."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from .toys import Site

PLAYBOOK = "orderly.services.restart_services"


def test_a_restart_is_an_operation_that_goes_through_the_same_wave(site: Site) -> None:
    site.groups(web="w1 w2")
    site.service("web", parts="drain verify undrain")
    outcome = site.upgrade(playbook=PLAYBOOK)
    assert outcome.code == 0
    assert outcome.log == [
        f"web {host} {step}" for host in ("w1", "w2") for step in ("drain", "verify", "undrain")
    ]
    assert (site.slots, site.drained) == ([], [])


def test_a_blocker_stops_a_restart_too(site: Site) -> None:
    site.groups(web="w1 w2")
    site.service("web")
    site.write("group_vars/web.yml", "rolling_op_blockers: [{name: backup, command: 'false'}]\n")
    outcome = site.upgrade(playbook=PLAYBOOK)
    assert outcome.code != 0
    assert "The wave of w1 is blocked, and nothing was taken or touched: backup on w1" in outcome.text
    assert site.slots == []


SIBLING = "---\n- ansible.builtin.include_role: {name: NAME, tasks_from: check}\n"


def test_a_role_beside_the_service_is_refused_before_anything_begins_where_a_roll_would_not_find_it(
    site: Site,
) -> None:
    site.groups(web="w1 w2")
    role = site.service("web", parts="drain")
    site.write("roles/common/tasks/check.yml", "---\n- ansible.builtin.raw: 'true'\n")
    verify = site.write("roles/web/tasks/verify.yml", SIBLING.replace("NAME", "common"))
    outcome = site.upgrade(playbook=PLAYBOOK)
    assert (outcome.code != 0, outcome.log, site.slots) == (True, [], [])
    assert (
        f"Nothing was started: {verify}: the task at line 2 includes the role common, which is beside it; a roll finds "
        f"roles by name only where Ansible looks for them. Add {role.parent} to roles_path in ansible.cfg, or name the "
        "role {{ role_path }}/../common."
    ) in outcome.text
    assert site.upgrade(playbook=PLAYBOOK, ANSIBLE_ROLES_PATH=str(role.parent)).code == 0
    verify.write_text(SIBLING.replace("NAME", "'{{ role_path }}/../common'"))
    assert site.upgrade(playbook=PLAYBOOK).code == 0


# --- How hosts are put into waves ---


@pytest.fixture
def many(site: Site) -> Site:
    """Give four web servers that may all be restarted at once."""
    site.groups(web="w1 w2 w3 w4")
    site.service("web", parts="drain", max_unavailable="100%")
    return site


def drained(site: Site, *arguments: str) -> tuple[str, str]:
    """Name the hosts in the order in which they are restarted, and give what was said."""
    outcome = site.upgrade(*arguments, playbook=PLAYBOOK)
    return " ".join(line.split()[1] for line in outcome.log), outcome.text


def test_hosts_of_one_failure_domain_at_a_time(many: Site) -> None:
    many.write("host_vars/w2.yml", "orderly_failure_domain: a\n")
    many.write("group_vars/web.yml", "orderly_failure_domain: b\n")
    hosts, said = drained(many)
    assert hosts == "w1 w3 w4 w2"
    assert "Wave 2 of 2: w2 (web)" in said
    assert "One failure domain at a time: a, b." in said


def test_a_primary_goes_last(many: Site) -> None:
    many.write("host_vars/w1.yml", "orderly_last: true\nweb_max_unavailable: 1\n")
    many.write("group_vars/web.yml", "web_max_unavailable: 1\n")
    hosts, said = drained(many)
    assert hosts == "w2 w3 w4 w1"
    assert "Last of their services: w1." in said


def test_a_canary_goes_first(many: Site) -> None:
    hosts, said = drained(many, "-e", "rolling_op_waves=1,50%,100%")
    assert hosts == "w1 w2 w3 w4"
    assert "Wave 1 of 3: w1 (web)" in said
    assert "Wave 2 of 3: w2 (web), w3 (web)" in said


def test_one_by_one_for_those_who_are_used_to_it(many: Site) -> None:
    hosts, said = drained(many, "-e", "rolling_op_serial=1")
    assert hosts == "w1 w2 w3 w4"
    assert "Wave 4 of 4: w4 (web)" in said


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"rolling_op_waves": "[1, 50%]"}, "rolling_op_waves has '[1,'; expected sizes of waves"),
        ({"rolling_op_serial": "0"}, "rolling_op_serial has 0; expected one number of hosts (1 or more)"),
        ({"orderly_last": "perhaps"}, "orderly_last of w1 is 'perhaps'; expected true or false"),
    ],
)
def test_what_makes_no_sense_is_said_before_anything_begins(
    many: Site, variables: dict[str, str], message: str
) -> None:
    hosts, said = drained(many, *(f"-e{name}={value}" for name, value in variables.items()))
    assert message in said
    assert not hosts


def test_a_host_that_is_down_for_long_is_skipped_with_its_reason(many: Site) -> None:
    many.goes_away("w3")
    outcome = many.upgrade(playbook=PLAYBOOK)
    assert "Nothing was started: w3 did not answer." in outcome.text
    assert (outcome.code != 0, outcome.log) == (True, [])
    many.lock("state=out_of_service hosts=w3 reason='the disk is broken'")
    outcome = many.upgrade(playbook=PLAYBOOK)
    assert outcome.code == 0
    assert "Out of service and skipped: w3 (web): the disk is broken" in outcome.text
    assert outcome.touched == {"w1", "w2", "w4"}
    assert "converted to bool" not in outcome.text  # no result has a key that means something else to Ansible


# --- Members that are down by themselves ---


def test_a_member_that_is_down_by_itself_goes_first(units: Site) -> None:
    units.write("units/w2", "failed\n")
    outcome = units.upgrade(playbook=PLAYBOOK)
    assert (outcome.code, units.restarted, units.slots) == (0, ["w2", "w1"], [])
    assert "Down before anything was done: w2 (web): web.service is failed (x)" in outcome.text


def test_while_a_member_stays_down_no_other_is_taken(units: Site) -> None:
    units.write("units/w2", "failed\n")
    units.write("bad/w2", "")
    for _run in range(2):
        outcome = units.upgrade(playbook=PLAYBOOK)
        assert outcome.code != 0
        assert units.slots == ["web w2"]
    assert units.restarted == ["w2", "w2"]


def test_a_member_that_somebody_stopped_stays_so_and_keeps_the_last_one_up(units: Site) -> None:
    units.write("units/w2", "inactive\n")
    outcome = units.upgrade(playbook=PLAYBOOK)
    assert outcome.code != 0
    assert units.restarted == []
    assert "unhealthy: w2" in outcome.text


def test_an_operation_does_not_take_the_last_member_that_works(units: Site) -> None:
    units.write("units/w2", "failed\n")
    units.write("touch.yml", "- ansible.builtin.raw: 'true'\n")
    arguments = ("-e", "rolling_op_name=touch", "-e", "rolling_op_tasks=touch.yml")
    outcome = units.upgrade(*arguments, playbook="orderly.services.rolling_op")
    assert outcome.code != 0
    assert units.slots == ["web w2"]
    assert "w2 is not well" in outcome.text or "is not well: web.service is failed (x)" in outcome.text


def test_members_are_looked_at_again_before_each_wave(units: Site) -> None:
    units.with_units("w1", "w2", "w3")
    units.breaks_after("w1", "w3")
    outcome = units.upgrade(playbook=PLAYBOOK)
    assert (outcome.code != 0, units.restarted, units.slots) == (True, ["w1"], [])
    assert "The disruption budget of web is spent by hosts that are unhealthy: w3." in outcome.text
    units.breaks_after("w1", "")
    assert units.upgrade(playbook=PLAYBOOK).code == 0
    assert units.restarted == ["w1", "w3", "w1", "w2"]


def test_a_member_of_the_wave_before_may_break_after_it(units: Site) -> None:
    units.with_units("w1", "w2", "w3")
    units.breaks_after("w2", "w1")
    outcome = units.upgrade(playbook=PLAYBOOK)
    assert (outcome.code != 0, units.restarted) == (True, ["w1", "w2"])
    assert "unhealthy: w1." in outcome.text


def test_a_member_that_broke_since_the_survey_is_restarted_at_no_cost(units: Site) -> None:
    units.with_units("w1", "w2", "w3")
    units.breaks_after("w1", "w2")
    outcome = units.upgrade(playbook=PLAYBOOK)
    assert (outcome.code, units.restarted, units.slots) == (0, ["w1", "w2", "w3"], [])


def test_a_member_that_does_not_answer_any_more_counts_as_down(units: Site) -> None:
    units.with_units("w1", "w2", "w3")
    units.breaks_after("w1", "w3")
    units.write("bad/silent", "")
    outcome = units.upgrade(playbook=PLAYBOOK)
    assert (outcome.code != 0, units.restarted) == (True, ["w1"])
    assert "unhealthy: w3." in outcome.text


def test_recovery_does_not_take_a_failed_unit_for_a_healthy_host(units: Site) -> None:
    units.write("bad/w1", "")
    units.upgrade(playbook=PLAYBOOK)
    outcome = units.upgrade(playbook="orderly.services.recover")
    assert (outcome.code != 0, units.slots) == (True, ["web w1"])
    assert "w1 is not healthy and is left as it is" in outcome.text


def test_a_unit_that_takes_one_of_another_service_along_needs_slots_of_both(units: Site) -> None:
    units.groups(web="w1 w2", log="w1 w2")
    units.write("group_vars/all.yml", "web_max_unavailable: 2\n")
    units.service("log", units=["log.service"], parts="drain verify undrain")
    units.write("along", "ConsistsOf=log.service\n")
    outcome = units.upgrade("-e", "restart_only=web", playbook=PLAYBOOK)
    assert outcome.code == 0
    assert "Wave 2 of 2: w2 (log web)" in outcome.text.replace("(web log)", "(log web)")
    assert (
        "Visited for log, too: w1, w2, as systemd restarts units of log along with web.service."
        in outcome.text
    )
    assert outcome.log == [
        f"log {host} {step}" for host in ("w1", "w2") for step in ("drain", "verify", "undrain")
    ]
    assert units.slots == []


def test_members_that_the_run_leaves_out_are_named(units: Site) -> None:
    outcome = units.upgrade("--limit", "w1", playbook=PLAYBOOK)
    assert "Not looked at, as this run leaves them out: w2 (web)" in outcome.text


# --- The last line ---


def last_line(raw: str) -> str:
    return raw.strip().splitlines()[-1]


def test_a_roll_ends_with_a_line_that_says_what_it_did(units: Site) -> None:
    outcome = units.upgrade(playbook=PLAYBOOK)
    assert last_line(outcome.raw) == "restart: done on 2 of 2 hosts, 2 units restarted."


def test_a_roll_that_failed_ends_with_a_line_that_says_what_is_left(units: Site) -> None:
    units.write("bad/w1", "")
    outcome = units.upgrade(playbook=PLAYBOOK)
    assert outcome.code != 0
    assert last_line(outcome.raw) == (
        "restart: done on 0 of 2 hosts. Failed, and kept with their slots: w1 (web). Not reached: w2 (web)."
    )


def test_a_roll_of_which_all_is_out_of_service_does_not_end_silently(units: Site) -> None:
    units.lock("state=out_of_service hosts=w1,w2 reason=mainboard")
    outcome = units.upgrade(playbook=PLAYBOOK)
    assert "restart: done on 0 of 2 hosts. Out of service: w1, w2 (mainboard)." in outcome.text


ALWAYS_UP = """\
#!/bin/sh
printf 'Id=web.service\\nNames=web.service\\nLoadState=loaded\\nActiveState=active\\nSubState=running\\n'
"""


def test_one_machine_under_two_names_is_refused_before_anything_begins(site: Site) -> None:
    site.groups(web="w1 w1b")
    site.write("machine/sitecustomize.py", "")  # toy hosts are all on this machine
    site.service("web", parts="drain", units=["web.service"])
    site.write("bin/systemctl", ALWAYS_UP).chmod(0o755)
    outcome = site.upgrade(playbook=PLAYBOOK)
    assert "Nothing was started: w1 and w1b are two names of one machine" in outcome.text
    assert (outcome.code != 0, outcome.log) == (True, [])
    assert site.upgrade("--check", "--limit", "w1", playbook=PLAYBOOK).code == 0
