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
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar
from functools import partial
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import links

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    Check = Callable[[], None]
    Item = tuple[str, Check]

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / ".build"
IN_COLLECTIONS = BUILD / "ansible_collections/orderly/services"
FLEET = ROOT / "tests/fleet/fleet"
SCENARIOS = ROOT / "extensions/molecule"
DEMO_INVENTORY = ROOT / "tests/demo/inventory/groups.yml"
OPTIONS = "tests/unit/playbooks/test_options.py"  # of ansible-playbook
SIDE_BY_SIDE = 2  # scenarios, and beside them so many other checks; more only wait for each other's packages
OUT: ContextVar[TextIO] = ContextVar("OUT")  # where the commands of a check write to


class CheckError(Exception):
    """A check failed: which command, and what it said last."""


def run(*command: str | Path, cwd: Path = ROOT, env: Mapping[str, str] | None = None) -> None:
    """Run a command of a check."""
    out = OUT.get(sys.stdout)
    last: deque[str] = deque(maxlen=60)
    with subprocess.Popen(
        list(map(str, command)), cwd=cwd, env={**os.environ, **(env or {})}, text=True, errors="replace",
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    ) as process:  # fmt: skip
        for line in process.stdout or ():
            print(line, end="", flush=True, file=out)
            last.append(line)
    if process.returncode:
        raise CheckError(f"{''.join(last)}failed: {' '.join(map(str, command))}")


def lint() -> None:
    """Look at style: Python, YAML, Ansible, changelog fragments."""
    run("ruff", "check", ".")
    run("ruff", "format", "--check", ".")
    run(
        "ansible-lint", "--offline", "--profile", "production", "--strict",
        env={"ANSIBLE_INVENTORY": str(DEMO_INVENTORY)},  # the plan is made of an inventory, also for a syntax check
    )  # fmt: skip
    run("antsibull-changelog", "lint")


def types() -> None:
    """Check the types of plugins, tests and tools."""
    run("mypy", IN_COLLECTIONS / "plugins", "tests/check.py", "tests/demo", "tests/bench")
    run("mypy", "tests/conformance", "tests/fuzz", "tests/history", "tests/faults")
    run("mypy", "tests/fleet/fleetlib", "tests/etcd", "tests/page", "tests/cores")


def unit() -> None:
    """Run the unit and property tests."""
    run("pytest", "-n", str(os.cpu_count() or 1), "--dist", "worksteal")


def fuzz() -> None:
    """Ask policy-rc.d what nobody thought of, each case a run of the real script."""
    run(sys.executable, "tests/fuzz/deferral.py", "20000")


def cores() -> None:
    """Play with the oldest and the newest ansible-core that this machine can run, and faults with the others.

    ``make cores`` plays all with all.
    """
    run(sys.executable, "tests/cores/cores.py", "--ends")
    run("pytest", "-n", str(os.cpu_count() or 1), OPTIONS, env={"CORES": "ends"})
    run("pytest", "-rs", "tests/cores/test_matrix.py")


def page() -> None:
    """Look at the plan's page in a real browser, which is installed where it is missing."""
    run("pytest", "tests/page")


def faults() -> None:
    """Hurt real hosts, controllers and stores in the middle of rolls and upgrades, and let ten hosts pull at once.

    It is one fault of each kind; ``make faults`` plays all.
    """
    run("pytest", "--durations=20", "tests/faults")


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
    copy.mkdir(parents=True)
    tracked = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, check=True, capture_output=True,
    )  # fmt: skip
    for name in filter(None, tracked.stdout.decode().split("\0")):
        if (ROOT / name).is_file():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, copy / name)
    python = f"{sys.version_info[0]}.{sys.version_info[1]}"
    run("git", "init", "-q", cwd=copy)
    run("git", "add", "-A", cwd=copy)
    run("ansible-test", "sanity", "--color", "no", "--python", python, cwd=copy)


def place_pip() -> None:
    """Give ansible-test the pip that Python brings; it would fetch one, which only works on an open network."""
    import ensurepip

    from ansible_test._internal import python_requirements

    bundled = next(Path(ensurepip.__file__).parent.glob("_bundled/pip-*.whl"), None)
    version = next(
        (v for v in ("25_2", "24_2", "23_1_2") if v in Path(python_requirements.__file__).read_text()), None
    )
    if bundled is None or version is None:
        return
    script = (
        "import sys\n"
        f"sys.path.insert(0, {str(bundled)!r})\n"
        "from pip._internal.cli.main import main\n"
        "ours = [a for a in sys.argv[1:] if a not in ('--no-setuptools', '--no-wheel')]\n"
        "sys.exit(main(['install'] + ours))\n"
    )
    cache = Path.home() / ".ansible/test/cache" / f"get_pip_{version}.py"
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
        [FLEET, "--fleet", fleet, "inventory"], check=True, capture_output=True, text=True
    ).stdout.strip()
    run("molecule", "test", "-s", scenario, env={"FLEET": fleet, "FLEET_INVENTORY": inventory})


def checks() -> dict[str, list[Item]]:
    """Name the checks, the quick ones first; molecule has one for each scenario."""
    plain = {
        check.__name__: [(check.__name__, check)]
        for check in (lint, types, unit, fuzz, page, docs, sanity, package, cores, faults)
    }
    names = sorted(path.parent.name for path in SCENARIOS.glob("*/molecule.yml"))
    return {**plain, "molecule": [(f"molecule {name}", partial(molecule, name)) for name in names]}


def main(wanted: Sequence[str]) -> int:
    """Run the checks and count them."""
    known = checks()
    unknown = [name for name in wanted if name not in known]
    if unknown:
        print(f"unknown check: {', '.join(unknown)}; known: {', '.join(known)}", file=sys.stderr)
        return 2
    items = [item for name in wanted or known for item in known[name]]
    scenarios = [item for item in items if item in known["molecule"]]
    others = [item for item in items if item not in known["molecule"]]
    results = dict(map(outcome, items) if len(items) == 1 else all_outcomes(others, scenarios))
    failed = {name: trouble for name, trouble in results.items() if trouble}
    for name, trouble in failed.items():
        print(f"\n=== {name} FAILED, and said last:\n{trouble}")
    print("\nFailed: " + ", ".join(failed) if failed else "")
    print(f"checks: {len(results) - len(failed)} passed, {len(failed)} failed")
    return 1 if failed else 0


def all_outcomes(*lanes: Iterable[Item]) -> list[tuple[str, str]]:
    """Run checks beside each other, of each lane some at a time; each is printed when it has ended."""
    with ThreadPoolExecutor(SIDE_BY_SIDE) as one, ThreadPoolExecutor(SIDE_BY_SIDE) as other:
        running = [pool.map(logged, lane) for pool, lane in zip((one, other), lanes, strict=True)]
        return [*chain(*running)]


def logged(item: Item) -> tuple[str, str]:
    """Run a check whose output is printed as a whole, and say at once that it runs."""
    name, _check = item
    print(f"... {name}", flush=True)
    log = BUILD / f"{name.replace(' ', '-')}.log"
    with log.open("w+", errors="replace") as out:
        OUT.set(out)
        result = outcome(item)
        out.seek(0)
        print(out.read(), end="", flush=True)
    return result


def outcome(item: Item) -> tuple[str, str]:
    """Run a check, and tell what was wrong: nothing if it passed."""
    name, check = item
    out = OUT.get(sys.stdout)
    print(f"\n=== {name}", flush=True, file=out)
    begin = time.monotonic()
    try:
        check()
        trouble = ""
    except (CheckError, subprocess.CalledProcessError) as exc:
        trouble = str(exc)
    seconds = f"{time.monotonic() - begin:.0f} s"
    print(f"=== {name}: {'FAILED' if trouble else 'passed'} in {seconds}", flush=True, file=out)
    return name, trouble


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
