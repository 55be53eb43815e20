"""One package, from its installation to its purge, on a host where restarts are off; prints what was seen as JSON.

It runs on the host. It judges nothing: see judge.py. The modules of the collection are run as Ansible runs them, with
their options on standard input.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import calls
from repack import AGAIN, repacked

KIT = Path(__file__).parent
WORK = Path("/var/tmp/packages")
PIN = Path("/etc/apt/preferences.d/packages")
OLDER = "Package: *\nPin: release l=Debian-Security\nPin-Priority: 1\n"
MODULE = "ansible_collections.orderly.services.plugins.modules."
POLICY = {"name": "orderly"}  # the role deferral's own
TOLD = ("msg", "warnings", "units", "failed")
TROUBLE = Path("/run/orderly/policy.trouble")
STARTED = "39f53479d3a045ac8e11786248231fbf"  # SD_MESSAGE_UNIT_STARTED
FIELDS = "--output-fields=MESSAGE_ID,UNIT,JOB_RESULT,_PID"
KINDS = ("service", "socket", "timer", "path", "target")
SHOWN = "Id,ActiveState,InvocationID,MainPID,FragmentPath,SourcePath"
APT = (
    *(
        "apt-get",
        "-qq",
        "-y",
        "--no-install-recommends",
        "-o",
        "Dpkg::Use-Pty=0",
        "-o",
        "DPkg::Lock::Timeout=60",
    ),
    *("-o", "Dpkg::Options::=--force-confold", "-o", "APT::Sandbox::User=root"),
)
ASKS = re.compile(r"deb-systemd-invoke|invoke-rc\.d|systemctl|\bservice\b|maintscripts-functions")
CALM_SECONDS = 20
UPGRADE_SECONDS = 300


class HostError(Exception):
    """Something before or after the upgrade did not work, so nothing can be said of the package."""


def run(*command: str, check: bool = True, seconds: float = 400, **options: Any) -> str:
    """Run a command, and give what it printed."""
    env = {**os.environ, "LC_ALL": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive"}
    options = {"stdin": subprocess.DEVNULL, **options}
    done = subprocess.run(
        command, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        errors="replace", env=env, timeout=seconds, **options,
    )  # fmt: skip
    if check and done.returncode:
        raise HostError(f"{' '.join(command)[:200]}: {done.stdout[-700:]}")
    return done.stdout


def module(which: str, /, **options: Any) -> dict[str, Any]:
    """Run a module of the collection."""
    arguments = json.dumps({"ANSIBLE_MODULE_ARGS": options})
    said = subprocess.run(
        [sys.executable, "-m", MODULE + which], check=False, input=arguments, text=True,
        env={**os.environ, "PYTHONPATH": str(KIT)}, capture_output=True,
    )  # fmt: skip
    if not said.stdout:
        raise HostError(f"{which}: {said.stderr[-700:]}")
    return json.loads(said.stdout.splitlines()[-1])


# --- What runs, by systemd ---


def units() -> dict[str, dict[str, str]]:
    """Read the state of all units that packages bring and systemd knows."""
    shown = run("systemctl", "show", "--all", "-p", SHOWN, *(f"*.{kind}" for kind in KINDS))
    blocks = [
        dict(line.split("=", 1) for line in block.splitlines() if "=" in line)
        for block in shown.split("\n\n")
    ]
    return {block["Id"]: block for block in blocks if "Id" in block}


def running() -> dict[str, dict[str, str]]:
    """Name the units that run, with their state."""
    return {
        unit: state for unit, state in units().items() if state["ActiveState"] not in ("inactive", "failed")
    }


def runs_replaced_program(state: dict[str, str]) -> bool:
    """Tell whether the program of a unit's main process is not what is installed any more."""
    try:
        return Path(f"/proc/{state.get('MainPID') or 0}/exe").readlink().name.endswith(" (deleted)")
    except OSError:  # it has no main process
        return False


def calm() -> None:
    """Wait until systemd has nothing left to do."""
    deadline = time.monotonic() + CALM_SECONDS
    while run("systemctl", "list-jobs", "--no-legend", check=False).strip().rstrip(".") not in (
        "",
        "No jobs running",
    ):
        if time.monotonic() > deadline:
            return
        time.sleep(0.3)


def cursor() -> str:
    """Give the place in the journal where it ends now."""
    return run("journalctl", "-q", "-n", "0", "--show-cursor").split("cursor: ")[-1].strip()


def starts_since(place: str) -> dict[str, int]:
    """Count how often each unit was started since then, as systemd told its journal."""
    run("journalctl", "--sync")
    # Without a filter: with one, journalctl passes over the first entry after a cursor that the filter leaves out.
    lines = run("journalctl", "-q", "-o", "json", f"--after-cursor={place}", FIELDS).splitlines()
    messages = [json.loads(line) for line in lines if line.startswith("{")]
    of_systemd = [each for each in messages if each.get("MESSAGE_ID") == STARTED and each.get("_PID") == "1"]
    return dict(Counter(each["UNIT"] for each in of_systemd if each.get("JOB_RESULT") == "done"))


# --- Packages ---


def installed() -> dict[str, tuple[str, str]]:
    """Give version and source of the packages that are installed."""
    listed = run(
        "dpkg-query", "-W", "-f", "${db:Status-Status}\t${binary:Package}\t${Version}\t${source:Package}\n"
    )
    rows = [line.split("\t") for line in listed.splitlines()]
    return {row[1]: (row[2], row[3]) for row in rows if row[0] == "installed"}


def versions_of(names: list[str]) -> dict[str, str]:
    """Give the versions of those packages that are installed."""
    now = installed()
    return {name: now[name][0] for name in names if name in now}


def install(names: list[str]) -> None:
    """Install packages as the suite first had them, or where what is there by now forbids that, as they are now."""
    PIN.write_text(OLDER)
    try:
        run(*APT, "install", *names)
    except HostError:
        PIN.unlink()
        run(*APT, "install", *names)


def upgraded_together(named: list[str], new: set[str]) -> list[str]:
    """Name what is to be upgraded: the packages that were named, of one source with them, or that act on services."""
    all_of_them = installed()
    named = [name for name in all_of_them if name.split(":")[0] in named]
    acting = [name for name in new if acts_on_services(name)]
    sources = {all_of_them[name][1] for name in named}
    theirs = {all_of_them[name][1] for name in acting}  # others of one source may insist on the very version
    together = {name for name, (_version, source) in all_of_them.items() if source in sources}
    return sorted({*named, *together, *(name for name in new if all_of_them[name][1] in theirs)})


def acts_on_services(name: str) -> bool:
    """Tell whether the maintainer scripts of a package start or stop anything."""
    scripts = [
        Path(f"/var/lib/dpkg/info/{name}.{script}") for script in ("preinst", "prerm", "postinst", "postrm")
    ]
    return any(ASKS.search(script.read_text(errors="replace")) for script in scripts if script.exists())


def newer(versions: dict[str, str]) -> tuple[list[str], str]:
    """Find something newer than these to install: what the archive offers, or else the same with a higher version."""
    PIN.unlink(missing_ok=True)
    policy = run("apt-cache", "policy", *versions)
    found = re.findall(r"^(\S+):\n  Installed: (\S+)\n  Candidate: (\S+)", policy, re.MULTILINE)
    if offered := [name for name, now, candidate in found if now != candidate]:
        return offered, "archive"
    shutil.rmtree(WORK / "debs", ignore_errors=True)
    return [str(repacked(name, versions, WORK, run)) for name in versions], "repacked"


def upgrade(wanted: list[str]) -> tuple[str, list[calls.Call]]:
    """Upgrade, and let the kernel tell which programs were begun; gives apt's complaint, if it had one."""
    shutil.rmtree(WORK / "trace", ignore_errors=True)
    (WORK / "trace").mkdir(parents=True)
    ended = WORK / "trace/ended"
    strace = ("strace", "-ff", "--seccomp-bpf", "-qq", "-ttt", "-s", "400", "-e", f"trace={calls.SYSCALLS}")
    script = '"$@" > "$0/said" 2>&1; echo $? > "$0/ended"'
    env = {**os.environ, "LC_ALL": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive"}
    tracer = subprocess.Popen(
        [*strace, "-e", "signal=none", "-o", str(WORK / "trace/trace"), "sh", "-c", script, str(WORK / "trace"),
         *APT, "install", *wanted],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=env,
    )  # fmt: skip
    deadline = time.monotonic() + UPGRADE_SECONDS
    while tracer.poll() is None and not ended.exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    with contextlib.suppress(subprocess.TimeoutExpired):
        tracer.wait(2)
    if tracer.poll() is None:  # what a package left running is traced for ever
        tracer.send_signal(signal.SIGTERM)
        tracer.wait()
    calm()
    status = ended.read_text().strip() if ended.exists() else "no end"
    said = (WORK / "trace/said").read_text(errors="replace")[-700:]
    return ("" if status == "0" else f"{status}: {said}"), calls.read_calls(WORK / "trace")


# --- The run ---


def listed_units(packages: list[str], types: list[str]) -> list[str]:
    """Name the units of packages that run and are of some types, as in ``.service``."""
    owned = set()
    for name in packages:
        owned |= set(run("dpkg-query", "-L", name, check=False).splitlines())
    owned |= {f"/usr{path}" for path in owned if path.startswith("/lib/")}
    return sorted(
        unit
        for unit, state in running().items()
        if unit.endswith(tuple(types))
        and owned & {state.get("FragmentPath", "-"), state.get("SourcePath", "-")}
    )


def canonical(name: str) -> str:
    """Name a unit as systemd does."""
    name = name if "." in name else f"{name}.service"
    shown = run("systemctl", "show", "-p", "Id", "--value", "--", name, check=False).strip()
    return shown or name


def resolved(call: calls.Call) -> dict[str, Any]:
    """Say which units a call is about, and what force-reload means for them: a restart where they cannot reload."""
    found: list[str] = []
    for word in call.units:
        pattern = word if "." in word else f"{word}.service"
        matched = (
            [unit for unit in units() if fnmatchcase(unit, pattern)] if re.search(r"[*?\[]", word) else []
        )
        found += matched or [canonical(word)]
    meant = {**call._asdict(), "units": found}
    if call.action == "force-reload":
        reloads = run("systemctl", "show", "-p", "CanReload", "--", *found)
        meant["action"] = "restart" if "CanReload=no" in reloads else "reload"
    return meant


def invocations(states: dict[str, dict[str, str]]) -> dict[str, str]:
    """Give what changes with each start of a unit."""
    return {unit: state["InvocationID"] for unit, state in states.items()}


def seen(place: str) -> dict[str, Any]:
    """Tell what runs now, what was started since then, and what the product says."""
    info, now = module("deferred_restarts_info"), running()
    return {
        "running": invocations(now),
        "replaced": [unit for unit, state in now.items() if runs_replaced_program(state)],
        "starts": starts_since(place),
        "info": {key: info.get(key) for key in ("pending", "stopped", "settled", "trouble", "msg")},
        "trouble": TROUBLE.read_text().splitlines() if TROUBLE.exists() else [],
    }


def play(entry: dict[str, Any]) -> dict[str, Any]:
    """Install, defer, upgrade, settle; tell what was seen in between."""
    named = entry["packages"]
    before = set(installed())
    install(named)
    if script := entry.get("before"):
        run("sh", "-euc", script)
    calm()
    new = set(installed()) - before
    packages = upgraded_together(named, new)
    listed = listed_units(packages, entry["types"])
    if not listed:
        raise HostError(f"none of its units runs: {', '.join(packages)}")
    time.sleep(1)
    return {**deferred(entry, packages, listed), "new": sorted(new), "packages": packages, "listed": listed}


def deferred(entry: dict[str, Any], packages: list[str], listed: list[str]) -> dict[str, Any]:
    """Defer the restarts of units, upgrade the packages, settle."""
    hold = entry.get("deferral") == "hold"
    told = [
        module("package_hold", units=listed)
        if hold
        else module("restart_policy", **POLICY, units=listed, force=True)
    ]
    TROUBLE.unlink(missing_ok=True)
    versions = versions_of(packages)
    wanted, how = newer(versions)
    ran, place = invocations(running()), cursor()
    failure, asked = upgrade(wanted)
    facts = {"how": how, "versions": versions, "at": ran, "asked": [resolved(call) for call in asked]}
    facts["after"] = seen(place)
    if hold:
        facts["held"] = failure
        failure = by_recipe(wanted, listed)
    place = cursor()
    told.append(module("restart_services", deferred_only=True))
    facts["told"] = [{key: each[key] for key in TOLD if key in each} for each in told]
    return {**facts, "failure": failure, "versions_after": versions_of(packages), "settled": seen(place)}


def by_recipe(wanted: list[str], listed: list[str]) -> str:
    """Upgrade what is on hold as a service's own upgrade does: stop it, release it, upgrade, start it."""
    run("systemctl", "stop", *listed)
    module("package_hold", state="absent")
    failure, _asked = upgrade(wanted)
    run("systemctl", "start", *listed, check=False)
    return failure


def clean(packages: set[str]) -> None:
    """Remove the packages, whatever state they are in; what else came with them stays for others."""
    if packages:
        run(*APT, "--allow-change-held-packages", "purge", *sorted(packages), check=False)
    run("dpkg", "--configure", "-a", check=False)
    run("systemctl", "reset-failed", check=False)
    shutil.rmtree(WORK, ignore_errors=True)


def main() -> None:
    """Play the entry on standard input."""
    entry = json.load(sys.stdin)
    before, begin = set(installed()), time.monotonic()
    try:
        facts = play(entry)
    except (HostError, subprocess.TimeoutExpired) as exc:
        facts = {"trouble": str(exc)}
    facts["seconds"] = round(time.monotonic() - begin, 1)
    came = {name: version for name, (version, _source) in installed().items() if name not in before}
    clean({name for name, version in came.items() if version.endswith(AGAIN) or acts_on_services(name)})
    json.dump(facts, sys.stdout)


if __name__ == "__main__":
    main()
