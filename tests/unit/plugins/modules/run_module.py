"""Run a module's main without Ansible: its arguments in, its result out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

    import pytest


class Ended(Exception):  # noqa: N818 - it is how a module ends, not an error
    """The module has ended, with this result."""

    def __init__(self, result: dict[str, Any]) -> None:
        super().__init__(result)
        self.result = result


def run_module(
    module: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    run_command: Callable[..., tuple[int, str, str]],
    *,
    check_mode: bool = False,
    **given: Any,
) -> dict[str, Any]:
    """Run main with the given options, the others as the argument spec has them."""

    class FakeAnsibleModule:
        def __init__(self, argument_spec: dict[str, dict[str, Any]], *, supports_check_mode: bool) -> None:
            unknown = set(given) - set(argument_spec)
            if unknown or not supports_check_mode:
                raise AssertionError(f"options that the module does not have: {unknown}")
            self.params = {key: given.get(key, spec.get("default")) for key, spec in argument_spec.items()}
            self.check_mode = check_mode
            self.run_command = run_command
            self.warnings: list[str] = []

        def warn(self, sentence: str) -> None:
            self.warnings.append(sentence)

        def exit_json(self, **result: Any) -> None:
            raise Ended({**result, "warnings": self.warnings})

        def fail_json(self, **result: Any) -> None:
            raise Ended({"changed": False, **result, "failed": True})

    monkeypatch.setattr(module, "AnsibleModule", FakeAnsibleModule)
    try:
        module.main()
    except Ended as ended:
        return ended.result
    raise AssertionError("the module has not ended with a result")
