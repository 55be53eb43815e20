"""What a host in bad hands answers: the usual answers of our modules, changed as JSON allows, and as it does not."""

from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import random

PENDING = {
    "unit": "web.service", "action": "restart", "actions": ["restart"], "since": "2026-01-01T00:00:00Z", "count": 1,
    "reason": "Package update", "package": "web", "package_before": "1", "package_now": "2",
    "requestors": ["ansible orderly"], "collateral": False, "records": ["/x.deferred"],
    "along": ["db.service"],
}  # fmt: skip
DISMISSED = {
    "unit": "cron.service", "dismissed": "no need", "dismissed_by": "ann", "dismissed_at": "2026-01-01T00:00:00Z",
    "package": "cron",
}  # fmt: skip
CHANGE = {
    "service": "web", "name": "rpc", "until": "upgraded", "campaign": "friday", "since": "2026-01-01T00:00:00Z"
}  # fmt: skip
DRAINED = {"service": "web", "operation": "restart", "roll": "r-1", "since": "2026-01-01T00:00:00Z"}
USUAL: dict[str, dict[str, Any]] = {
    "deferred_restarts_info": {
        "auto_restarts": False, "in_force": True,
        "script": {"installed": True, "neighbour": "", "chained": "", "leftover": False},
        "policies": [], "pending": [PENDING],
        "stopped": [{**PENDING, "unit": "db.service"}], "settled": [], "dismissed": [DISMISSED],
        "paused": [{"unit": "a.service", "since": "2026-01-01T00:00:00Z", "reason": "disk"}],
        "on_hold": [{"package": "nginx", "version": "1", "candidate": "2"}], "temporary_changes": [CHANGE],
        "drained": [DRAINED], "services": {"web": ["web.service"]}, "down": [], "store": {},
        "outdated": ["ssh.service"], "not_checked": {"reloads": "only root can tell"}, "trouble": ["It is full."],
        "without_service": ["web.service"], "absent_services": [{"service": "db", "says": "There is no db."}],
        "umbrellas": [{"service": "db", "unit": "db.service", "says": "It only groups db@1.service."}],
        "made_up": [
            {"unit": "web.service", "action": "start", "since": "2026-01-01T00:00:00Z", "package": "web"}
        ],
    },
    "running_services_info": {
        "units": [
            {
                "unit": "web.service", "names": ["web.service"], "umbrellas": [], "owner": "web", "packages": ["web"],
                "program": "/usr/sbin/web", "tcp": [80], "local": [80], "udp": [], "page": True, "hold": "",
                "refusal": "",
            }
        ],
        "ignored": ["dbus.service"], "stopped": {"db.service": "failed (failed)"}, "on_demand": ["x.socket"],
        "sees_all": True,
    },
    "drained_services": {"services": [], "drained": []},
    "member_units": {"members": [], "machine": "5f2d"},
    "restart_services": {"changed": True, "units": [{"unit": "web.service", "result": "restarted"}]},
    "temporary_changes": {"temporary_changes": [], "previous": {}},
    "package_versions_info": {"services": {"web": {"web": {"installed": "1", "candidate": "2"}}}},
    "finalized_services": {"services": []},
    "reboot_info": {"required": True, "why": ["a new kernel"], "is_controller": False},
    "command": {"changed": True, "rc": 0, "stdout": "", "stderr": "", "cmd": ["x"]},
    "setup": {"ansible_facts": {"distribution": "Debian"}},
    "stat": {"stat": {"exists": False}},
}  # fmt: skip

TERMINAL = "\x1b]0;owned\x07\x1b[2J\x9b31m\u202e"
OTHERS = {"good1": ["web"], "good2": ["web"]}
NAMES_OF_OURS = {
    "orderly_store": "sqlite:///nowhere/at/all.db",
    "web_max_unavailable": "100%",
    "rolling_op_on_failure": "retry_hold",
    "orderly_step_times": {"web": {"step3": "x", TERMINAL: 1}},
    "orderly_versions": {"services": {"web": {"web": {"installed": "9", "candidate": "9"}}}},
    "deferred_restarts": {"pending": []},
}


def odd_values(canary: str) -> list[Any]:
    """Give what may stand in the place of anything."""
    deep: Any = "x"
    for _level in range(60):
        deep = [deep]
    return [
        None, True, False, 0, -1, 2**70, 1e308, float("nan"), float("inf"), "", " ", "\0", "x" * 300_000, TERMINAL,
        "\ud800", "a\nb\rc", f"{{{{ lookup('pipe', 'touch {canary}') }}}}", f"$(touch {canary})", f"`touch {canary}`",
        "good1", "../../../etc/passwd", [], {}, [[]], [None], {"": None}, {TERMINAL: 1}, ["good1", "good2"], OTHERS,
        deep, {"unit": None}, list(range(20_000)), {str(number): {} for number in range(3000)}, "no", "~", "<b>&",
    ]  # fmt: skip


def extras(canary: str) -> dict[str, Any]:
    """Give keys that mean something to Ansible, or to us when our own actions say them."""
    blocker = [{"name": "x", "command": f"touch {canary}", "on": "controller"}]
    return {
        "ansible_facts": {**NAMES_OF_OURS, "rolling_op_blockers": blocker},
        "done": {"web": ["good1", "good2"]},
        "slots": OTHERS,
        "granted": True,
        "exhausted": {"good1": TERMINAL},
        "missing": ["good1"],
        "play": "finalize",
        "why": TERMINAL,
        "batches": [1],
        "order": ["good2"],
        "add_group": "orderly_again",
        "add_host": {"host_name": "good1", "groups": ["x"], "host_vars": {"web_max_unavailable": "100%"}},
        "failed": True,
        "unreachable": True,
        "skipped": True,
        "msg": f"refused {TERMINAL}",
        "results": [None, {"item": "good1"}],
        "deferred": True,
        "invocation": None,
        "attempts": "many",
        "exception": "boom",  # which Ansible itself prints as it is, so nothing worse
        "diff": [{"before": 1}],
        "stdout_lines": 7,
        "ansible_stats": {"data": {"good1": 1}},
    }


def mutated(words: random.Random, module: str, canary: str) -> Any:
    """Give an answer of a module that is odd in one to three places."""
    answer: Any = copy.deepcopy({"changed": False, **USUAL.get(module, {})})
    for _time in range(words.randint(1, 3)):
        if words.random() < 0.3:
            more = extras(canary)
            key = words.choice(sorted(more))
            answer[key] = more[key] if words.random() < 0.6 else words.choice(odd_values(canary))
        else:
            _change(words, answer, words.choice(odd_values(canary)))
    return answer


def _change(words: random.Random, answer: Any, odd: Any) -> None:
    """Go down some way into an answer, and put something else there."""
    while True:
        keys = sorted(answer, key=str) if isinstance(answer, dict) else range(len(answer))
        if not keys:
            return
        key = words.choice(keys)
        inner = answer[key]
        if not isinstance(inner, dict | list) or not inner or words.random() < 0.3:
            break
        answer = inner
    if isinstance(answer, dict) and words.random() < 0.25:
        del answer[key]
    elif isinstance(answer, dict) and words.random() < 0.2:
        answer[str(odd)[:200] if words.random() < 0.5 else TERMINAL] = inner
    else:
        answer[key] = odd


def as_text(words: random.Random, answer: Any) -> bytes:
    """Write an answer as JSON; now and then as what is none."""
    text = json.dumps(answer, ensure_ascii=words.random() < 0.9).encode("utf-8", "surrogatepass")
    if words.random() > 0.03:
        return text
    return words.choice(
        [b"", b"null", b"[]", b"7", b'"x"', text[:-1], b"\0" + text, text + b"\x1b[2J", b"{" * 5000]
    )
