from __future__ import annotations

from typing import TYPE_CHECKING

from ansible_collections.orderly.services.tests.packages.calls import Call, read_calls

if TYPE_CHECKING:
    from pathlib import Path

POSTINST = "/var/lib/dpkg/info/nginx.postinst"


def execve(time: float, path: str, *words: str) -> str:
    argv = ", ".join(f'"{word}"' for word in (path, *words))
    return f'{time:.6f} execve("{path}", [{argv}], 0x7ffd3f881720 /* 6 vars */) = 0'


def traced(folder: Path, **processes: list[str]) -> list[Call]:
    for pid, lines in processes.items():
        (folder / f"trace.{pid[1:]}").write_text("\n".join(lines))
    return read_calls(folder)


def test_a_call_has_the_units_and_the_maintainer_script_behind_it(tmp_path: Path) -> None:
    calls = traced(
        tmp_path,
        p10=[execve(1, "/usr/bin/dpkg", "-i"), "1.100000 clone(child_stack=NULL, flags=SIGCHLD) = 11"],
        p11=[execve(2, POSTINST, "configure", "1.22"), "2.100000 vfork()               = 12"],
        p12=[execve(3, "/usr/bin/deb-systemd-invoke", "restart", "a.service", "b.socket")],
    )
    assert calls == [
        Call("deb-systemd-invoke", "restart", ("a.service", "b.socket"), "nginx.postinst configure 1.22")
    ]


def test_what_these_programs_begin_themselves_is_no_call_of_a_package(tmp_path: Path) -> None:
    calls = traced(
        tmp_path,
        p10=[execve(1, "/usr/sbin/invoke-rc.d", "--quiet", "x", "restart"), "1.200000 vfork() = 11"],
        p11=[execve(2, "/usr/bin/systemctl", "restart", "x.service")],
    )
    assert calls == [Call("invoke-rc.d", "restart", ("x",), "")]


def test_systemctl_that_a_script_begins_is_a_call_that_does_not_ask(tmp_path: Path) -> None:
    calls = traced(
        tmp_path,
        p10=[execve(1, POSTINST, "configure"), "1.200000 vfork() = 11", "1.300000 vfork() = 12"],
        p11=[execve(2, "/usr/bin/systemctl", "--no-block", "try-restart", r"a\\x2db.service")],
        p12=[execve(3, "/usr/bin/systemctl", "is-active", "x.service")],
    )
    assert calls == [Call("systemctl", "try-restart", (r"a\x2db.service",), "nginx.postinst configure")]


def test_programs_that_could_not_be_run_and_units_of_users_do_not_count(tmp_path: Path) -> None:
    missing = execve(1, "/usr/local/bin/systemctl", "restart", "x.service").replace("= 0", "= -1 ENOENT")
    user = execve(2, "/usr/bin/deb-systemd-invoke", "--user", "restart", "x.service")
    assert not traced(tmp_path, p10=[missing, user])
