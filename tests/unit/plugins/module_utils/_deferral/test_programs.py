"""Which programs a unit is made of, from what systemd says of it and what its main process runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from ansible_collections.orderly.services.plugins.module_utils._deferral.programs import (
    Programs,
    is_interpreter,
    named_programs,
    read_programs,
)

if TYPE_CHECKING:
    from pathlib import Path

INTERPRETERS = (
    "sh dash bash env busybox python3 python3.11 python3.11-dbg perl5.36.0 php8.2 java beam.smp nodejs ruby3.1 mawk "
    "runuser start-stop-daemon"
)
PROGRAMS = "mariadbd sshd php-fpm8.2 javelin shadowsocks envoy perlbal postgres nicecast pythonfoo"


def test_shells_languages_and_wrappers_are_told_from_programs() -> None:
    assert all(is_interpreter(f"/usr/bin/{name}") for name in INTERPRETERS.split())
    assert not any(is_interpreter(f"/usr/sbin/{name}") for name in PROGRAMS.split())


# As mariadb.service of Debian 12 has it since 10.11.19.
MARIADB = (
    "/bin/sh -c set -f; [ ! -e /usr/bin/galera_recovery ] && VAR= || VAR=`/usr/bin/galera_recovery`; "
    "[ $? -eq 0 ] || exit 1; exec /usr/sbin/mariadbd $MYSQLD_OPTS $_WSREP_NEW_CLUSTER $VAR"
)
NAMED = [
    (MARIADB, ("/usr/sbin/mariadbd",)),
    ("/bin/sh -c /bin/mkdir -p /run/x && /usr/sbin/xd", ("/bin/mkdir", "/usr/sbin/xd")),
    ("/usr/bin/python3 -s /usr/bin/fail2ban-server -xf start", ("/usr/bin/fail2ban-server",)),
    ("/usr/bin/env python3 /usr/bin/tool --data=/srv/data", ("/usr/bin/tool",)),
    ("/sbin/start-stop-daemon --exec /usr/sbin/xd -- -f", ("/usr/sbin/xd",)),
    ("/bin/sh -c exec /usr/bin/env A=1 /usr/sbin/xd", ("/usr/sbin/xd",)),
    ("/bin/sh -c $HOME/bin/xd ./xd ${X}/usr/sbin/xd", ()),
    ("/usr/bin/java -jar /usr/share/java/x.jar", ()),
]


@pytest.mark.parametrize(("arguments", "expected"), NAMED)
def test_of_arguments_the_programs_count(arguments: str, expected: tuple[str, ...]) -> None:
    assert named_programs(arguments, lambda path: "bin/" in path) == expected


@pytest.mark.parametrize("version", ["9.6", "15"])
def test_the_server_of_a_postgresql_cluster_is_that_of_its_version_whether_it_runs_or_not(
    tmp_path: Path, version: str
) -> None:
    started = f"/usr/bin/pg_ctlcluster --skip-systemctl-redirect {version}-main start"
    values = {"ExecStart": command("/usr/bin/pg_ctlcluster", started), "MainPID": "0"}
    server = f"/usr/lib/postgresql/{version}/bin/postgres"
    assert read_programs(values, tmp_path) == Programs(("/usr/bin/pg_ctlcluster", server))


def command(path: str, arguments: str) -> str:
    return f"{{ path={path} ; argv[]={arguments} ; ignore_errors=no ; start_time=[n/a] ; pid=0 }}"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Give a host with programs, of which PID 7 runs mariadbd and PID 8 a shell."""
    for name, mode in (("mariadbd", 0o755), ("dash", 0o755), ("xd", 0o100), ("not-executable", 0o644)):
        program = tmp_path / "usr/sbin" / name
        program.parent.mkdir(parents=True, exist_ok=True)
        program.touch(mode)
    for pid, name in ((7, "mariadbd"), (8, "dash")):
        (tmp_path / f"proc/{pid}").mkdir(parents=True)
        (tmp_path / f"proc/{pid}/exe").symlink_to(tmp_path / "usr/sbin" / name)
    return tmp_path


def test_a_program_that_systemd_starts_itself_is_all_there_is(root: Path) -> None:
    values = {"ExecStart": command("/usr/sbin/xd", "/usr/sbin/xd --path=/usr/sbin/mariadbd"), "MainPID": "7"}
    assert read_programs(values, root) == Programs(own=("/usr/sbin/xd",))


def test_of_several_commands_all_programs_count(root: Path) -> None:
    values = {"ExecStart": "\n".join(command(f"/usr/sbin/{name}", name) for name in ("xd", "mariadbd"))}
    assert read_programs(values, root) == Programs(own=("/usr/sbin/xd", "/usr/sbin/mariadbd"))


def test_of_a_shell_what_it_names_counts_and_what_runs_in_the_end(root: Path) -> None:
    text = "/bin/sh -c exec /usr/sbin/xd /usr/sbin/not-executable /usr/sbin /usr/sbin/gone"
    values = {"ExecStart": command("/bin/sh", text)}
    assert read_programs(values, root) == Programs(named=("/usr/sbin/xd",))
    for pid, own in (("7", (f"{root}/usr/sbin/mariadbd",)), ("8", ()), ("0", ()), ("9", ())):
        assert read_programs({**values, "MainPID": pid}, root) == Programs(own, ("/usr/sbin/xd",))


def test_text_of_a_shell_that_looks_like_what_systemd_says_is_not_taken_for_it(root: Path) -> None:
    values = {"ExecStart": command("/bin/sh", "/bin/sh -c true ; path=/usr/sbin/xd ; argv[]=/usr/sbin/xd")}
    assert read_programs(values, root) == Programs(named=("/usr/sbin/xd",))


@pytest.mark.parametrize("values", [{}, {"ExecStart": "", "MainPID": ""}])
def test_a_unit_that_starts_nothing_has_no_programs(values: dict[str, str]) -> None:
    assert read_programs(values) == Programs()
