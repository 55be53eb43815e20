"""What ansible.cfg, the environment and the command line say otherwise changes nothing that a run relies on."""

from __future__ import annotations

import os
import random
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from ansible import constants

from .toys import NOTHING, ROOT, one_service, three_services

if TYPE_CHECKING:
    from pathlib import Path

    from .toys import Outcome, Site

OPERATION = ("-e", "rolling_op_name=paint", "-e", "rolling_op_tasks=operation.yml")
RELIED_ON = {"gather_facts": False, "any_errors_fatal": False, "force_handlers": False}
IN_THE_PLAYS = ("strategy", *RELIED_ON)

# Each may be in somebody's ansible.cfg; all of them have a variable of the environment.
OPTIONS: dict[str, tuple[str, ...]] = {
    "ANSIBLE_STRATEGY": ("free", "host_pinned", "linear", "debug"),
    "ANSIBLE_FORKS": ("1", "2", "20"),
    "ANSIBLE_ANY_ERRORS_FATAL": ("true", "false"),
    "ANSIBLE_FORCE_HANDLERS": ("true", "false"),
    "ANSIBLE_GATHERING": ("implicit", "explicit", "smart"),
    "ANSIBLE_INJECT_FACT_VARS": ("true", "false"),
    "ANSIBLE_JINJA2_NATIVE": ("true", "false"),
    "ANSIBLE_HASH_BEHAVIOUR": ("replace", "merge"),
    "ANSIBLE_STDOUT_CALLBACK": ("default", "minimal", "oneline"),
    "ANSIBLE_DISPLAY_SKIPPED_HOSTS": ("true", "false"),
    "ANSIBLE_NO_LOG": ("true", "false"),
    "ANSIBLE_NO_TARGET_SYSLOG": ("true", "false"),
    "ANSIBLE_TASK_TIMEOUT": ("0", "600"),
    "ANSIBLE_BECOME": ("true", "false"),
    "ANSIBLE_PRIVATE_ROLE_VARS": ("true", "false"),
    "ANSIBLE_ERROR_ON_MISSING_HANDLER": ("true", "false"),
    "ANSIBLE_DUPLICATE_YAML_DICT_KEY": ("ignore", "warn", "error"),
    "ANSIBLE_PLAYBOOK_VARS_ROOT": ("top", "bottom", "all"),
    "ANSIBLE_RUN_VARS_PLUGINS": ("demand", "start"),
    "ANSIBLE_NULL_REPRESENTATION": ("", "null"),
}


def a_roll(site: Site) -> None:
    site.write(
        "operation.yml",
        "- name: Paint\n  ansible.builtin.raw: '{{ toy }} paint {{ inventory_hostname }} stop'\n",
    )


def test_every_play_of_ours_says_what_it_relies_on() -> None:
    for file in sorted((ROOT / "playbooks").glob("*.yml")):
        for play in yaml.safe_load(file.read_text()):
            if "hosts" in play:
                assert RELIED_ON.items() <= play.items(), f"{file.name}: {play['name']}"
                assert "strategy" in play, f"{file.name}: {play['name']}"


def test_every_play_of_a_plan_says_it_too(site: Site) -> None:
    three_services(site)
    site.upgrade("--list-tasks")
    (folder,) = site.plan_folders
    for play in yaml.safe_load((folder / "upgrade.yml").read_text()):
        assert RELIED_ON.items() <= play.items()
        assert play["strategy"] in ("ansible.builtin.linear", "ansible.builtin.free")


# --- One option at a time ---


@pytest.mark.parametrize("strategy", ["free", "host_pinned"])
def test_a_strategy_of_the_user_does_not_end_a_wave_for_hosts_that_have_not_begun(
    site: Site, strategy: str
) -> None:
    one_service(site, "w1 w2 w3", steps="2 3 5", parts="drain verify undrain", max_unavailable=3)
    site.breaks("web w2 install")
    outcome = site.upgrade(ANSIBLE_STRATEGY=strategy)
    assert outcome.code != 0
    assert site.slots == ["web w2"], outcome.raw
    site.is_mended()
    again = site.upgrade(ANSIBLE_STRATEGY=strategy)
    assert again.code == 0
    assert [said for said in again.log if said.endswith("install")] == ["web w2 install"]


@pytest.mark.parametrize("strategy", ["free", "host_pinned"])
def test_a_strategy_of_the_user_does_not_change_a_roll(site: Site, strategy: str) -> None:
    one_service(site, "w1 w2 w3", parts="drain verify undrain")
    a_roll(site)
    outcome = site.upgrade(*OPERATION, playbook="orderly.services.rolling_op", ANSIBLE_STRATEGY=strategy)
    assert outcome.code == 0
    assert [said.split()[1] for said in outcome.log] == [
        host for host in ("w1", "w2", "w3") for _part in range(4)
    ]
    assert not site.slots


TAGS = [{"ANSIBLE_SKIP_TAGS": "packages"}, {"ANSIBLE_RUN_TAGS": "packages"}]


@pytest.mark.parametrize("environ", TAGS, ids=str)
@pytest.mark.parametrize("playbook", ["upgrade", "rolling_op", "recover", "reboot"])
def test_tags_of_any_kind_are_refused_before_anything_is_touched(
    site: Site, playbook: str, environ: dict[str, str]
) -> None:
    one_service(site, "w1", parts="drain")
    a_roll(site)
    outcome = site.upgrade(*OPERATION, playbook=f"orderly.services.{playbook}", **environ)
    assert outcome.code != 0
    assert (outcome.log, site.slots) == (NOTHING, [])
    assert "does not take --tags or --skip-tags: single steps and checks cannot be chosen." in outcome.text


@pytest.mark.skipif(
    not hasattr(constants, "DEFAULT_UNDEFINED_VAR_BEHAVIOR"),
    reason="this ansible-core has no such option any more",
)
def test_values_that_are_not_there_are_refused(site: Site) -> None:
    one_service(site, "w1", parts="drain")
    outcome = site.upgrade(ANSIBLE_ERROR_ON_UNDEFINED_VARS="false")
    assert (outcome.code != 0, outcome.log) == (True, NOTHING)
    assert "error_on_undefined_vars is off" in outcome.text


# --- Any mix of them ---


def a_mix(seed: int) -> dict[str, str]:
    dice = random.Random(seed)  # noqa: S311 - a mix that can be had again
    return {name: dice.choice(values) for name, values in OPTIONS.items() if dice.random() < 0.6}


def done_by(outcome: Outcome) -> dict[str, Any]:
    """Give what each host did, in its order: hosts of a wave may do it side by side."""
    hosts = sorted({said.split()[1] for said in outcome.log})
    return {host: [said for said in outcome.log if said.split()[1] == host] for host in hosts}


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory, programs: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    from .toys import Site

    return campaign(Site(tmp_path_factory.mktemp("plain"), programs), {})


def campaign(site: Site, environ: dict[str, str]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Upgrade three services, one host of which fails at first."""
    three_services(site)
    site.breaks_once("web w2 install")
    first = site.upgrade(**environ)
    assert first.code != 0, first.raw
    assert "web w2" in site.slots, first.raw
    second = site.upgrade(**environ)
    assert second.code == 0, second.raw
    assert not site.slots
    return done_by(first), done_by(second)


@pytest.mark.parametrize("seed", range(int(os.environ.get("FUZZ", "150")) // 50))
def test_a_mix_of_options_changes_nothing_that_hosts_do(
    site: Site, plain: tuple[dict[str, Any], dict[str, Any]], seed: int
) -> None:
    assert campaign(site, a_mix(seed)) == plain, a_mix(seed)
