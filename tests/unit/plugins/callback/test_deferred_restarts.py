from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from ansible_collections.orderly.services.plugins.callback.deferred_restarts import CallbackModule
from ansible_collections.orderly.services.tests.unit.plugins.module_utils.reports import entry, report


class Screen:
    def __init__(self) -> None:
        self.lines: list[str] = []

    def display(self, line: str, **_options: Any) -> None:
        self.lines.append(line)


def result(host: str, **values: Any) -> SimpleNamespace:
    task = SimpleNamespace(delegate_to=None)
    return SimpleNamespace(
        _host=SimpleNamespace(get_name=lambda: host), _result=values, _task=task, _task_fields={}
    )


def end_of_run(callback: CallbackModule) -> list[str]:
    callback._display = Screen()
    callback.v2_playbook_on_stats(None)
    return list(callback._display.lines)


def test_a_run_without_deferred_restarts_ends_as_always() -> None:
    callback = CallbackModule()
    callback.v2_runner_on_ok(result("web1", **report()))
    assert end_of_run(callback) == []


def test_every_kind_of_result_is_heard() -> None:
    callback = CallbackModule()
    callback.v2_runner_on_ok(result("web1", **report(entry("a.service"), entry("b.service"))))
    callback.v2_runner_item_on_ok(result("web2", deferred=True, name="c"))
    callback.v2_runner_on_failed(
        result("web1", units=[{"unit": "a.service", "result": "restarted"}]), ignore_errors=True
    )
    callback.v2_runner_item_on_failed(result("web1", units=[{"unit": "x.service", "result": "failed"}]))
    (line,) = end_of_run(callback)
    assert line.startswith("2 restarts are deferred on 2 hosts (b on web1, c on web2): ")


def test_it_is_off_unless_the_user_enables_it() -> None:
    assert CallbackModule.CALLBACK_NEEDS_ENABLED
