"""Run the checks, all of them or those named, and end with a line that counts them.

A check that fails does not stop the others, so that one run tells everything; the exit status is 1 if one failed.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from functools import partial
from itertools import chain, zip_longest
from pathlib import Path
from typing import TYPE_CHECKING

import links
from project_files import project_files
from runner import FLEET, ROOT, Check, CheckError, run, run_all

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

BUILD = ROOT / ".build"
IN_COLLECTIONS = BUILD / "ansible_collections/orderly/services"
SCENARIOS = ROOT / "extensions/molecule"
OF_TESTS = ("extensions", "tests")
DEMO_INVENTORY = ROOT / "tests/demo/inventory/groups.yml"
OPTIONS = "tests/play/test_options.py"  # of ansible-playbook
NAMES = "tests/play/test_names.py"
SHELL_SCRIPTS = [
    ".ci/run",
    "tests/env",
    *("tests/setup/" + name for name in ("bootstrap", "disk", "packages", "python")),
    *("tests/cleanroom/room", "tests/cleanroom/roomlib/enter.sh", "tests/fleet/fleet"),
    "roles/deferral/src/policy-rc.d/shell.sh",
    "extensions/molecule/guide/offer-again",
]
PROCESSES = str(os.cpu_count() or 1)


def lint() -> None:
    """Look at style: Python, shell, changelog fragments, and Ansible in what users get."""
    run("ruff", "check", ".")
    run("ruff", "format", "--check", ".")
    run("shellcheck", *SHELL_SCRIPTS)
    run("antsibull-changelog", "lint")
    ansible_lint(*sorted({name.split("/")[0] for name in project_files(ROOT)} - set(OF_TESTS)))


def ansible_lint(*paths: str) -> None:
    """Look at the style of Ansible in some of what stands at the top."""
    run(
        "ansible-lint", "--offline", "--profile", "production", "--strict", *paths,
        env={"ANSIBLE_INVENTORY": str(DEMO_INVENTORY)},  # the plan is made of an inventory, also for a syntax check
    )  # fmt: skip


def types() -> None:
    """Check the types of plugins, tests and tools."""
    run(
        "mypy",
        IN_COLLECTIONS / "plugins",
        "tests/check.py",
        "tests/demo",
        "tests/bench",
        "tests/cleanroom/roomlib",
    )
    run(
        "mypy",
        "tests/conformance",
        "tests/fuzz",
        "tests/history",
        "tests/faults",
        "tests/rolls",
        "tests/scale",
        "tests/ways",
    )
    run("mypy", "tests/fleet/fleetlib", "tests/etcd", "tests/page", "tests/cores", "tests/debian.py")
    run("mypy", "tests/packages", "tests/services", "tests/showcase")


def unit() -> None:
    """Run the unit and property tests: logic alone, no hosts, no stores, no Ansible."""
    run("pytest", "-n", PROCESSES, "--dist", "worksteal")


def play(half: int) -> None:
    """Run playbooks, roles and callbacks with ansible-playbook, on hosts that are folders: one half of the tests."""
    run("pytest", "-n", PROCESSES, "--dist", "worksteal", "tests/play", "--half", str(half))


def store() -> None:
    """Run the lock and the journal in real stores, etcd of one node and of three among them."""
    run("pytest", "-n", PROCESSES, "--dist", "worksteal", "tests/store")


def host() -> None:
    """Ask the real policy-rc.d, and let its records be read."""
    run("pytest", "-n", PROCESSES, "--dist", "worksteal", "tests/host")


def fuzz() -> None:
    """Ask policy-rc.d what nobody thought of, each case a run of the real script; let hosts answer anything.

    Plan for fleets of odd names, too. ``make fuzz`` plays many answers, with the oldest and the newest ansible-core,
    and many mixes of options of Ansible; CI plays a few, the same each time.
    """
    many = os.environ.get("FUZZ")
    run(sys.executable, "tests/fuzz/deferral.py", "20000" if many else "6000")
    if many:
        run("pytest", "-n", PROCESSES, "tests/unit/hostile", "tests/play/test_settings.py")
    run(sys.executable, "tests/fuzz/answers.py", *([many, "0", "--ends"] if many else ["60"]))
    run(sys.executable, "tests/fuzz/names.py", *([many] if many else ["100", "1"]))


def cores() -> None:
    """Play with the oldest and the newest ansible-core that this machine can run, and faults with the others.

    ``make cores`` plays all with all.
    """
    wanted = os.environ.get("CORES", "ends")
    run(sys.executable, "tests/cores/cores.py", *(["--ends"] if wanted == "ends" else []))
    run("pytest", "-n", PROCESSES, OPTIONS, NAMES, "-k", "not pattern", env={"CORES": wanted})
    run("pytest", "-rs", "tests/cores/test_matrix.py")


def packages() -> None:
    """Upgrade a few real packages on a real host with restarts off, others each day; ``make packages`` plays all."""
    wanted = [] if os.environ.get("PACKAGES") == "all" else ["--today"]
    run(sys.executable, "tests/packages/corpus.py", *wanted)


def page() -> None:
    """Look at the plan's page in a real browser, which is installed where it is missing."""
    run("pytest", "tests/page")


def faults() -> None:
    """Hurt real hosts, controllers and stores in the middle of rolls and upgrades, and let ten hosts pull at once.

    It is one fault of each kind; ``make faults`` plays all.
    """
    run("pytest", "--durations=20", "tests/faults")


def rolls() -> None:
    """Play a few random rolls on real hosts, and look at their journals; ``make random-rolls`` plays many."""
    run("pytest", "tests/rolls")


def services() -> None:
    """Upgrade a service on a real cluster under load, another one each day; ``make test-services`` does all to all."""
    wanted = ["--write"] if os.environ.get("SERVICES") == "all" else ["--today"]
    run(sys.executable, "-m", "ansible_collections.orderly.services.tests.services", *wanted)


def scale() -> None:
    """Drive planner, gates, journal and locks for a large fleet, whose runs go wrong many times."""
    run("pytest", "tests/scale")


def ways() -> None:
    """Let packages restart their services in every way there is, on a real host of Debian 12.

    ``make ways`` plays Debian 11, 12 and 13.
    """
    run("pytest", "tests/ways")


def docs() -> None:
    """Compare documentation and argument specs, build the docs of every plugin and role, follow links."""
    if found := list(links.broken(ROOT)):
        raise CheckError("\n".join(found))
    run("antsibull-docs", "lint-collection-docs", "--plugin-docs", "--skip-rstcheck", ROOT)


def sanity() -> None:
    """Run ansible-test on a copy: it insists on a real ansible_collections folder."""
    place_pip()
    copy = BUILD / "sanity/ansible_collections/orderly/services"
    shutil.rmtree(copy, ignore_errors=True)
    for name in project_files(ROOT):
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, copy / name)
    if shutil.which("git"):  # else it asks the repository that this copy is ignored by, and looks at nothing
        run("git", "init", "-q", cwd=copy)
        run("git", "add", "-A", cwd=copy)
    python = f"{sys.version_info[0]}.{sys.version_info[1]}"
    said = run("ansible-test", "sanity", "--color", "no", "--python", python, cwd=copy)
    if "All targets skipped" in said:  # which it calls a success
        raise CheckError(f"{said}ansible-test found nothing to look at in {copy}")


def place_pip() -> None:
    """Give ansible-test the pip that Python brings; it would fetch one, which only works on an open network."""
    import ensurepip

    from ansible_test._internal import python_requirements

    bundled = next(Path(ensurepip.__file__).parent.glob("_bundled/pip-*.whl"), None)
    bundled = bundled or next(
        Path("/usr/share/python-wheels").glob("pip-*.whl"), None
    )  # where Debian keeps it
    version = re.search(r"\bpip='([\d.]+)'", Path(python_requirements.__file__).read_text(encoding="utf-8"))
    if bundled is None or version is None:
        raise CheckError(
            "ansible-test cannot be given a pip: Python brings none, or ansible-test asks in another way"
        )
    script = (
        "import sys\n"
        f"sys.path.insert(0, {str(bundled)!r})\n"
        "from pip._internal.cli.main import main\n"
        "ours = [a for a in sys.argv[1:] if a not in ('--no-setuptools', '--no-wheel')]\n"
        "sys.exit(main(['install'] + ours))\n"
    )
    cache = Path.home() / ".ansible/test/cache" / f"get_pip_{version[1].replace('.', '_')}.py"
    cache.parent.mkdir(parents=True, exist_ok=True)
    cache.write_text(script, encoding="utf-8")


def package() -> None:
    """Build the collection, install it offline from the file, and ask it for the plan of an inventory."""
    place = BUILD / "package"
    shutil.rmtree(place, ignore_errors=True)
    run("ansible-galaxy", "collection", "build", "--force", "--output-path", place)
    built = next(place.glob("*.tar.gz"))
    env = {"ANSIBLE_COLLECTIONS_PATH": str(place)}
    run("ansible-galaxy", "collection", "install", "--offline", "-p", place, built, env=env)
    command: list[str | Path] = ["ansible-playbook", "-i", DEMO_INVENTORY, "--list-tasks"]
    run(*command, "orderly.services.upgrade", cwd=place, env=env)
    run(*command, place / "ansible_collections/orderly/services/playbooks/upgrade.yml", cwd=place, env=env)


def molecule(scenario: str) -> None:
    """Run one scenario on hosts of its own."""
    steps = re.findall(
        r"- (?:verify|side_effect) (\S+)", (SCENARIOS / scenario / "molecule.yml").read_text("utf-8")
    )
    if missing := [step for step in steps if not (SCENARIOS / scenario / step).is_file()]:
        raise CheckError(f"molecule passes over playbooks that are not there: {', '.join(missing)}")
    fleet = f"molecule-{scenario}"
    inventory = subprocess.run(
        [FLEET, "--fleet", fleet, "inventory"], check=True, stdout=subprocess.PIPE, text=True
    ).stdout.strip()
    run("molecule", "test", "-s", scenario, env={"FLEET": fleet, "FLEET_INVENTORY": inventory})


def bare(suite: str) -> None:
    """Begin on a machine where nothing was installed: a bare Debian root."""
    run("pytest", "--verbose", "--durations=9", "tests/cleanroom", "-k", suite)


def cleanroom(command: str, suite: str, *options: str) -> None:
    """Run a command of the README, whole, on a machine where nothing was installed."""
    run(ROOT / "tests/cleanroom/room", "--suite", suite, "--with", "make", *options, "--", *command.split())


def scenarios() -> list[str]:
    """Name the scenarios, the longest first."""
    there = {path.parent.name for path in SCENARIOS.glob("*/molecule.yml")}
    return sorted(there, key=lambda name: (LONGEST.index(name) if name in LONGEST else len(LONGEST), name))


def plain(*acts: Callable[[], None], **fleets: str) -> dict[str, list[Check]]:
    """Make a group of each, which is named like it."""
    return {act.__name__: [Check(act.__name__, act, fleets.get(act.__name__, ""))] for act in acts}


def left_out(day: int) -> set[str]:
    """Name the checks of which others have their turn on a day: CI has three quarters of an hour."""
    return {
        name for turns in TAKE_TURNS for turn in turns for name in turn if turn != turns[day % len(turns)]
    }


MOLECULE = (
    [
        "molecule deferral",
        "molecule default",
        "molecule hold",
        "molecule upgrade",
        "molecule strict",
        "molecule other_roles",
    ],
    [
        "molecule status",
        "molecule deferral_upgrade",
        "molecule rolling_op",
        "molecule pause",
        "molecule reboot",
    ],
)
DAY_SECONDS = 86400
TAKE_TURNS = (
    (["molecule guide"], ["services"], ["molecule third_party_role"], ["molecule pull"]),
    (
        ["play 1", "cores", "bare bookworm", *MOLECULE[0]],
        ["play 2", "faults", "bare trixie", *MOLECULE[1]],
    ),
)
LONGEST = ("deferral", "status", "deferral_upgrade", "default", "rolling_op", "pause")
SUITES = ("bookworm", "trixie")
GROUPS: dict[str, list[Check]] = {  # the longest first, so that none of them is left for the end
    "play": [Check(f"play {half}", partial(play, half)) for half in (1, 2)],
    **plain(faults, cores, packages, faults="faults", cores="cores", packages="packages"),
    **plain(rolls, services, rolls="rolls", services="services"),
    "bare": [Check(f"bare {suite}", partial(bare, suite)) for suite in SUITES],
    **plain(store, fuzz, sanity, unit, scale, ways, ways="ways"),
    "lint": [Check("lint product", lint), Check("lint tests", partial(ansible_lint, *OF_TESTS))],
    **plain(page, host, docs, types, package),
    "molecule": [Check(f"molecule {name}", partial(molecule, name), f"molecule-{name}") for name in scenarios()],
    "cleanroom": [
        *(Check(f"make demo, {suite}", partial(cleanroom, "make demo", suite)) for suite in SUITES),
        Check("make demo, by a user", partial(cleanroom, "make demo", "bookworm", "--user")),
        *(Check(f"make test, {suite}", partial(cleanroom, "make test", suite)) for suite in SUITES),
    ],
}  # fmt: skip
NOT_IN_CI = ("cleanroom",)  # it runs CI, which is enough for a machine at a time


def main(wanted: Sequence[str]) -> int:
    """Run the checks of some groups, or all that CI runs; a check can also be named alone, as in 'molecule hold'."""
    alone = {check.name: [check] for group in GROUPS.values() for check in group}
    known = {**alone, **GROUPS}
    if unknown := [name for name in wanted if name not in known]:
        print(f"unknown check: {', '.join(unknown)}; known: {', '.join(GROUPS)}", file=sys.stderr)
        return 2
    if wanted:
        chosen = [check for name in wanted for check in known[name]]
        return run_all(chosen, 1) if set(chosen) & set(GROUPS["cleanroom"]) else run_all(chosen)
    others = [
        check for name, group in GROUPS.items() if name not in ("molecule", *NOT_IN_CI) for check in group
    ]
    others_turn = set() if os.environ.get("ALL") else left_out(int(time.time()) // DAY_SECONDS)
    checks = [check for check in chain(*zip_longest(others, GROUPS["molecule"])) if check]
    return run_all([check for check in checks if check.name not in others_turn])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
