from __future__ import annotations

import pytest
from ansible_collections.orderly.services.plugins.plugin_utils._report.run_report import command_line

COMMANDS = [
    (["-i", "my hosts", "x.yml"], "-i 'my hosts' x.yml"),
    (["-e", "restart_only=nginx db_password=abc"], "-e 'restart_only=nginx db_password=…'"),
    (["--extra-vars", "API_TOKEN='a b' restart_only=x"], "--extra-vars 'API_TOKEN=… restart_only=x'"),
    (["--extra-vars=secret_key=abc"], "'--extra-vars=secret_key=…'"),
    (["-epassword=abc"], "'-epassword=…'"),
    (["-e", '{"password": "abc"}'], "-e '…'"),
    (["-e", "@vars.yml"], "-e @vars.yml"),
]


@pytest.mark.parametrize(("arguments", "shown"), COMMANDS)
def test_a_command_is_shown_as_typed_without_secrets(arguments: list[str], shown: str) -> None:
    assert command_line(["/usr/bin/ansible-playbook", *arguments]) == f"ansible-playbook {shown}"
