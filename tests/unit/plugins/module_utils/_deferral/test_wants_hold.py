from __future__ import annotations

import pytest
from ansible_collections.orderly.services.plugins.module_utils._deferral.wants_hold import (
    INSISTS,
    PREINST,
    PRERM,
    READS,
    STOPS,
    Reason,
    reasons,
)
from hypothesis import given
from hypothesis import strategies as st

# As the scripts of MariaDB, MySQL, OpenLDAP and others go about it.
MARIADB = """#!/bin/bash -e
stop_server() {
    if ! pgrep -x mariadbd > /dev/null; then return; fi
    set +e
    invoke-rc.d mariadb stop
    errno=$?
    set -e
    if [ "$errno" != 0 ]; then
      echo "Stop it yourself and try again!" 1>&2
      exit 1
    fi
}
for flag in /var/lib/mysql/debian-*.flag
do
  case "$flag" in *5.7*) break ;; esac
done
stop_server
"""
MYSQL = """#!/bin/bash -e
stop_server() {
    if [ -x /usr/sbin/invoke-rc.d ]; then
        cmd="invoke-rc.d mysql stop"
    else
        cmd="/etc/init.d/mysql stop"
    fi
    $cmd
    errno=$?
    if [ $errno != 0 ]; then exit 1; fi
}
case "$1" in
    upgrade|install) stop_server ;;
esac
"""
SLAPD = """#!/bin/sh
set -e
MODE="$1"
dump() { slapcat -F "$CONF" -n0 -l "$dir/config.ldif"; }
if [ "$MODE" = upgrade ] && [ -x /etc/init.d/slapd ]; then
\tinvoke-rc.d slapd stop || exit 1
fi
if [ "$MODE" = upgrade ]; then
\tdump
fi
"""
FOUND = [
    (PREINST, MARIADB, [Reason(INSISTS, "invoke-rc.d mariadb stop", 5, ("mariadb",))]),
    (PREINST, MYSQL, [Reason(INSISTS, "invoke-rc.d mysql stop", 8, ("mysql",))]),
    (
        PREINST,
        SLAPD,
        [
            Reason(READS, "slapcat -F $CONF -n0 -l $dir/config.ldif", 4),
            Reason(INSISTS, "invoke-rc.d slapd stop", 6, ("slapd",)),
        ],
    ),
    (PRERM, "systemctl stop 'a.service'", [Reason(STOPS, "systemctl stop a.service", 1, ("a.service",))]),
    (PRERM, "A=1 service a stop >/dev/null 2>&1 || true", [Reason(STOPS, "service a stop", 1, ("a",))]),
    (PRERM, "true\n/etc/init.d/a \\\n  stop", [Reason(STOPS, "/etc/init.d/a stop", 2, ("a",))]),
    (PRERM, "start-stop-daemon --stop --name a", [Reason(STOPS, "start-stop-daemon --stop --name a", 1)]),
    (PRERM, 'kill -TERM "$(cat /run/a.pid)"', [Reason(STOPS, "kill -TERM $(cat /run/a.pid)", 1)]),
    (PRERM, "mysqladmin -u root shutdown", [Reason(STOPS, "mysqladmin -u root shutdown", 1)]),
    (
        PRERM,
        'case "$1" in\nremove) ;;\nupgr*) pkill a ;;\n*) pkill b ;;\nesac',
        [Reason(STOPS, "pkill a", 3)],
    ),
    (PRERM, 'if [ "$1" != remove ] && true; then pkill a; fi', [Reason(STOPS, "pkill a", 1)]),
    (PRERM, "for i in 1 2; do pkill a; done", [Reason(STOPS, "pkill a", 1)]),
    (PRERM, "function f() {\n pkill a\n}\nif f; then :; fi", [Reason(STOPS, "pkill a", 2)]),
]


@pytest.mark.parametrize(("script", "text", "expected"), FOUND)
def test_a_script_that_does_not_leave_its_daemon_alone_is_a_reason(
    script: str, text: str, expected: list[Reason]
) -> None:
    assert reasons(script, text) == expected


SILENT = [
    "# Automatically added by dh_installinit/13.11.4\ninvoke-rc.d --skip-systemd-native a stop || exit 1\n"
    "# End automatically added section\n",
    "deb-systemd-invoke stop 'a.service' >/dev/null || true",  # asks, and goes on either way
    "invoke-rc.d exim4 stop\nexit 0",
    "invoke-rc.d a rotate || exit 1",
    'if [ "$1" = remove ]; then systemctl stop a.service; fi',
    '[ "$1" = "remove" ] && pkill a',
    '[ "$1" = upgrade ] || pkill a',
    '[ "x$1" = xupgrade -o "$1" = failed-upgrade ] || pkill a',
    'case "$1" in\n  remove|purge)\n    pkill a\n    ;;\nesac',
    'case "$1" in upgrade) ;; *) echo "unknown argument $1" >&2; systemctl stop a; exit 1 ;; esac',
    'ACTION=$1\nif [ "$ACTION" != upgrade ]; then pkill a; fi',
    "if [ -d /run/systemd/system ]; then deb-systemd-invoke stop a.service; else /etc/init.d/a stop; fi",
    "if which invoke-rc.d >/dev/null 2>&1; then invoke-rc.d a stop; else /etc/init.d/a stop; fi",
    "stop_a() { pkill a; }\n",  # which nobody calls
    "cat <<END\nsystemctl stop a\nEND\n",
    'echo "systemctl stop a" # systemctl stop a',
    "systemctl daemon-reload; systemctl --user stop a; kill -0 1; pkill -HUP a; kill -s USR1 2",
    "start-stop-daemon --stop --test --name a; start-stop-daemon --stop --signal HUP --name a",
    "#!/usr/bin/perl\nsystem('x');\nkill 9, 1;\n",
    "",
]


@pytest.mark.parametrize("text", SILENT)
@pytest.mark.parametrize("script", [PREINST, PRERM])
def test_a_script_that_asks_or_does_it_only_when_the_package_goes_is_none(script: str, text: str) -> None:
    assert reasons(script, text) == []


def test_who_relies_on_a_stop_in_prerm_is_followed_by_a_preinst_that_decides() -> None:
    assert reasons(PRERM, SLAPD) == []


@pytest.mark.parametrize(
    ("targets", "units", "concerns"),
    [
        (("mariadb",), ["mariadb.service", "mysql.service"], True),
        (("syslog.socket",), ["rsyslog.service"], False),
        (("a@b.service",), ["a@any.service"], True),
        (("$UNIT",), ["a.service"], True),
        ((), ["a.service"], True),
    ],
)
def test_a_reason_concerns_the_units_that_are_stopped(
    targets: tuple[str, ...], units: list[str], concerns: bool
) -> None:
    assert Reason(STOPS, "", 1, targets).concerns(units) is concerns


PIECES = [
    *[
        "if",
        "then",
        "elif",
        "else",
        "fi",
        "case",
        "$1",
        "in",
        "upgrade)",
        ";;",
        "esac",
        "{",
        "}",
        "(",
        ")",
        "f()",
        "!",
    ],
    *[
        "'",
        '"',
        "$(",
        "`",
        "\\",
        "<<",
        "E",
        "&&",
        "||",
        "&",
        ";",
        "[ $1 = x ]",
        "while",
        "do",
        "done",
        "for",
        "function",
    ],
    *[
        "systemctl",
        "stop",
        "a",
        "kill",
        "invoke-rc.d",
        "exit",
        "1",
        "slapcat",
        "#",
        "A=",
        "$A",
        "start-stop-daemon --stop",
    ],
]
SCRIPTS = st.lists(st.sampled_from([*PIECES, "\n", "<<E\n", "\nE\n"]), max_size=40).map(" ".join)


@given(st.one_of(SCRIPTS, st.text(max_size=200)))
def test_any_text_has_an_answer(text: str) -> None:
    for script in (PREINST, PRERM):
        assert all(reason.line >= 1 for reason in reasons(script, text))
