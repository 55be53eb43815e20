"""The rules that the policy-rc.d script and the modules share, as cases: Perl and Python must decide them alike.

The unit tests of ``_deferral`` and ``_host`` play them with Python, ``tests/host/test_same_rules.py`` with the real
script. A new case goes here, so that both get it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

# --- Which units a listed name means ---

LISTED_UNIT_COVERED = [
    ("nginx", "nginx.service", True),
    ("nginx.service", "nginx.service", True),
    ("nginx.sh", "nginx.service", True),
    ("nginx", "nginx.socket", False),
    ("nginx", "nginx.slice", False),
    ("nginx.socket", "nginx.socket", True),
    ("nginx.socket", "nginx.service", False),
    ("nginx", "nginx-extra.service", False),
    ("nginx-extra", "nginx.service", False),
    ("Nginx", "nginx.service", False),
    ("postgresql", "postgresql@15-main.service", True),
    ("postgresql@", "postgresql@15-main.service", True),
    ("postgresql@.service", "postgresql@15-main.service", True),
    ("postgresql@15-main", "postgresql@15-main.service", True),
    ("postgresql@14-main", "postgresql@15-main.service", False),
    ("postgresql", "postgresql@15-main.socket", False),
    ("postgres", "postgresql@15-main.service", False),
    ("postgresql@*.service", "postgresql@15-main.service", True),
    ("postgresql@15-*", "postgresql@15-main.service", True),
    ("postgresql@16-*", "postgresql@15-main.service", False),
    ("*", "nginx.service", True),
    ("ng*x", "nginx.service", True),
    ("ng?nx", "nginx.service", True),
    ("ng?x", "nginx.service", False),
    ("web[12]", "web1.service", True),
    ("web[1-3]", "web2.service", True),
    ("web[!12]", "web1.service", False),
    ("web[!12]", "web3.service", True),
    ("web[^12]", "web1.service", False),
    ("web[^12]", "web3.service", True),
    ("web[z-a]", "web1.service", False),
    ("web[1", "web1.service", False),
    ("a.c", "abc.service", False),
    ("a+", "aa.service", False),
    ("a\\x2db.service", "a\\x2db.service", True),
    ("ax2db", "a\\x2db.service", True),
]

# --- What a policy says ---

UNITS = ("alpha.service", "beta.service", "a\\x2db.service")
ACTIONS = ("start", "stop", "restart", "try-restart", "reload")


@dataclass(frozen=True)
class PolicyCase:
    """A policy as it is written, which actions it blocks on which of the units, and whose it is."""

    text: str
    blocked: Mapping[str, str]
    requestor: str = "unknown unknown"


FILE = "other.policy"
ALL = "stop restart try-restart"
USUAL = {"alpha.service": ALL}
RESTART = {"alpha.service": "restart"}
POLICIES = [
    PolicyCase(
        "blocked_actions:\n  alpha:\n  - restart\n  - stop\npolicy_requestor_name: n\npolicy_requestor_type: charm\n",
        {"alpha.service": "restart stop"},
        "charm n",
    ),
    PolicyCase("blocked_actions:\n    alpha:\n        - restart\n", RESTART),
    PolicyCase(
        "# by hand\n---\nblocked_actions:\n  alpha: [restart, stop]  # all\n",
        {"alpha.service": "restart stop"},
    ),
    PolicyCase("blocked_actions: {alpha: [restart]}\n", RESTART),
    PolicyCase(
        '{"blocked_actions": {"alpha": ["restart"]}, "policy_requestor_name": "n"}', RESTART, "unknown n"
    ),
    PolicyCase("blocked_actions:\n  'alpha.service': ['restart']\r\n", RESTART),
    PolicyCase(
        "blocked_actions:\n  beta: []\n  alpha: [restart,\n    stop]\n", {"alpha.service": "restart stop"}
    ),
    PolicyCase("blocked_actions:\n  alpha: restart\n", RESTART),
    PolicyCase("blocked_actions:\n  alpha: restart, stop reload\n", {"alpha.service": "restart stop reload"}),
    PolicyCase("blocked_actions:\n  alpha:\n", USUAL),
    PolicyCase("blocked_actions:\n  alpha: null\n  beta: ~\n", {**USUAL, "beta.service": ALL}),
    PolicyCase("blocked_actions: {}\n", {}),
    PolicyCase("blocked_actions: {alpha: [restart]}\t\n\t\n\t# by hand\n", RESTART),
    PolicyCase(
        'blocked_actions: {alpha: [restart]}\npolicy_requestor_name: "a\\\n  \\ b\n  c"\n',
        RESTART,
        "unknown a b c",
    ),
    PolicyCase(f"other: {'[' * 20}{']' * 20}\nblocked_actions: {{alpha: [restart]}}\n", RESTART),
    PolicyCase("blocked_actions:\n  alpha: [unheard-of]\n", {}),
    PolicyCase(
        "blocked_actions:\n  alpha: [restart]\n  alpha.service: [stop]\n", {"alpha.service": "restart stop"}
    ),
    PolicyCase(
        "blocked_actions:\n  alpha.service: [restart]\n  al*: [reload]\n", {"alpha.service": "restart reload"}
    ),
    PolicyCase("blocked_actions:\n  a\\x2db.service: [restart]\n", {"a\\x2db.service": "restart"}),
    PolicyCase('blocked_actions:\n  "alpha\\x2eservice": [restart]\n', RESTART),
    PolicyCase(
        "blocked_actions: {alpha: [restart]}\npolicy_requestor_type: ''\npolicy_requestor_name: [x]\n",
        RESTART,
    ),
    PolicyCase(
        'blocked_actions: {alpha: [restart]}\npolicy_requestor_type: "a\\n\\tb"\n', RESTART, "a  b unknown"
    ),
    PolicyCase(
        'blocked_actions: {alpha: [restart]}\npolicy_requestor_name: "\\u00e4\\f"\n',
        RESTART,
        "unknown \u00e4\f",
    ),
    PolicyCase("blocked_actions: {alpha: [restart]}\npolicy_requestor_name: 17\n", RESTART, "unknown 17"),
]

# --- What a policy that cannot be read still blocks ---


@dataclass(frozen=True)
class BrokenCase:
    """A policy that cannot be read any more, what it still blocks, and what it said when it last could, if ever."""

    text: str
    blocked: Mapping[str, str]
    before: str = ""
    requestor: str = f"unknown {FILE}"


BEFORE = {
    "before": "blocked_actions: {alpha: [reload]}\npolicy_requestor_name: n\n",
    "requestor": "unknown n",
}
RELOAD = {"alpha.service": "reload"}
BROKEN = [
    BrokenCase("", RELOAD, **BEFORE),
    BrokenCase("\0\0", RELOAD, **BEFORE),
    BrokenCase("blocked_actions: [", RELOAD, **BEFORE),
    BrokenCase("- other\n", RELOAD, **BEFORE),
    BrokenCase("&a b: *a\n", RELOAD, **BEFORE),
    BrokenCase("[" * 900, RELOAD, **BEFORE),
    BrokenCase(f"other: {'[' * 22}{']' * 22}\nblocked_actions: {{}}\n", RELOAD, **BEFORE),
    BrokenCase(
        "".join(f"{' ' * level}a:\n" for level in range(22)) + "blocked_actions: {}\n", RELOAD, **BEFORE
    ),
    BrokenCase("blocked_actions:\n  beta: {restart: true}\n", {**RELOAD, "beta.service": ALL}, **BEFORE),
    BrokenCase("blocked_actions:\n  beta: [[restart]]\n", {**RELOAD, "beta.service": ALL}, **BEFORE),
    BrokenCase("blocked_actions:\n  alpha: [", {"alpha.service": f"{ALL} reload"}, **BEFORE),
    BrokenCase(
        "blocked_actions:\n  alpha.service: [",
        {"alpha.service": f"{ALL} reload"},
        before="blocked_actions: {alpha.service: [reload]}\n",
        requestor="unknown unknown",
    ),
    BrokenCase(
        "blocked_actions: [",
        {"alpha.service": "restart reload"},
        before="blocked_actions:\n  alpha: [restart]\n  alpha.service: [reload]\n",
        requestor="unknown unknown",
    ),
    BrokenCase("blocked_actions:\n\talpha: [restart\n", USUAL),
    BrokenCase("blocked_actions: {\n\talpha: [restart]}\n", USUAL),
    BrokenCase("[alpha@1.service", USUAL),
    BrokenCase("[\u00e4alpha", USUAL),
    BrokenCase("[alpha, a\\x2db.service", {**USUAL, "a\\x2db.service": ALL}),
    BrokenCase("[my-alpha, alphabet, alpha-x, x.alpha, x@alpha, alpha_", {}),
]

# --- What is to be done in the end, after all that was asked for ---

ACTIONS_AND_EFFECT = [
    (("stop",), "restart"),
    (("try-restart",), "restart"),
    (("condrestart",), "restart"),
    (("force-stop",), "restart"),
    (("force-reload",), "restart"),
    (("reload-or-restart",), "restart"),
    (("upgrade",), "restart"),
    (("reload",), "reload"),
    (("rotate",), "rotate"),
    (("reload", "rotate"), "reload"),
    (("rotate", "start"), "rotate start"),
    (("reload", "stop"), "restart"),
]

# --- Which file a record goes into ---

REQUESTOR_UNIT_FILE = [
    ("ansible", "test", "alpha.service", "ansible-test-alpha.service.deferred"),
    ("charm", "a-b", "c.service", "charm-a%2db-c.service.deferred"),
    ("charm", "a", "b-c.service", "charm-a-b-c.service.deferred"),
    ("t", "../\u00e4", "x@1.service", "t-..%2f%c3%a4-x@1.service.deferred"),
    ("t", "x: y # z", "alpha.service", "t-x%3a%20y%20%23%20z-alpha.service.deferred"),
    ("t", "\u65e5", "a\\x2db.service", "t-%e6%97%a5-a%5cx2db.service.deferred"),
    ("t" * 90, "n" * 90, "u" * 100 + ".service", f"{'t' * 90}-{'n' * 90}-{'u' * 18}c444cdc6.deferred"),
]

# --- Whether a record goes on, or a new one begins ---

BOOT, RUN, PROGRAM = "BOOT", "1" * 32, "PROGRAM"
"""This boot, this run of the unit, and the program it runs; who plays a case says what the first and the last are."""
CHANGES_AND_GOES_ON: list[tuple[dict[str, str], bool]] = [
    ({}, True),
    ({"boot_id": "another"}, False),
    ({"boot_id": "null"}, False),
    ({"invocation_id": f'"{"2" * 32}"'}, False),
    ({"invocation_id": '""'}, False),
    ({"executables": '["1:1"]'}, True),
    ({"action": "reload"}, True),
    ({"action": "reload", "executables": '["1:1"]'}, False),
]


def record_text(changes: Mapping[str, str], boot: str, program: str) -> str:
    """Write a record of alpha.service that has counted seven events."""
    keys = {
        "action": "restart",
        "actions": "[restart]",
        "boot_id": f'"{boot}"',
        "count": "7",
        "executables": f'["{program}"]',
        "first_timestamp": "1000",
        "invocation_id": f'"{RUN}"',
        "policy_requestor_name": "test",
        "policy_requestor_type": "ansible",
        "reason": "Package update",
        "service": "alpha.service",
        "timestamp": "1000",
        "unit": "alpha.service",
    }
    return "".join(f"{key}: {value}\n" for key, value in {**keys, **changes}.items())


# --- How a text is written ---

TEXT_AND_YAML = [
    ("nginx", "nginx"),
    ("Package update", "Package update"),
    ("nova-compute.service x@1", "nova-compute.service x@1"),
    ("", '""'),
    ("yes", '"yes"'),
    ("No", '"No"'),
    ("NULL", '"NULL"'),
    ("yes it is", "yes it is"),
    ("1.0-1", '"1.0-1"'),
    ("postinst configure 1.0", '"postinst configure 1.0"'),
    (" a", '" a"'),
    ("a  b", '"a  b"'),
    ("a\n", '"a\\x0a"'),
    ("a\nb\tc", '"a\\x0ab\\x09c"'),
    ("a: b # c", '"a: b # c"'),
    ('"a" \\ b', '"\\"a\\" \\\\ b"'),
    ("\x1b[2J\x7f", '"\\x1b[2J\\x7f"'),
    ("\u00e4", '"\\xe4"'),
    ("\u65e5\u672c", '"\\u65e5\\u672c"'),
    ("\U0001f980", '"\\U0001f980"'),
]
