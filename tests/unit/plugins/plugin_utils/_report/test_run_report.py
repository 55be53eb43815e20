from __future__ import annotations

import pytest
from ansible_collections.orderly.services.plugins.plugin_utils._report.run_report import command_line

COMMANDS = [
    (["-i", "my hosts", "x.yml"], "-i 'my hosts' x.yml"),
    (["-e", "restart_only=nginx db_password=abc"], "-e 'restart_only=nginx db_password=…'"),
    (["--extra-vars", "API_TOKEN='a b' restart_only=x"], "--extra-vars 'API_TOKEN=… restart_only=x'"),
    (["--extra-vars=secret_key=abc"], "'--extra-vars=secret_key=…'"),
    (["-epassword=abc"], "'-epassword=…'"),
    (
        ["-e", '{"password": "abc", "restart_only": ["x"]}'],
        """-e '{"password": "…", "restart_only": ["x"]}'""",
    ),
    (["-e", "@vars.yml"], "-e @vars.yml"),
    (["-e", "pin=1234", "x.yml"], "-e 'pin=…' x.yml"),
    (["--extra-vars", "upgrade_only=web pin=1", "x.yml"], "--extra-vars 'upgrade_only=web pin=…' x.yml"),
    (["--extra=pin=1"], "'--extra=pin=…'"),
    (["--extra", "pin=1", "-l", "web"], "--extra 'pin=…' -l web"),
    (["-vve", "pin=1"], "-vve 'pin=…'"),
    (["-bepin=1"], "'-bepin=…'"),
    (["-lweb", "-ie", "x"], "-lweb -ie x"),
    (["-e", "{broken: [", "-e", "a='b", "-e", "[1]", "-e", "bare"], "-e '…' -e '…' -e '…' -e '…'"),
    (
        ["-e", "rolling_op_name='a b'", "--limit", "o'b"],
        """-e 'rolling_op_name='"'"'a b'"'"'' --limit 'o'"'"'b'""",
    ),
]


@pytest.mark.parametrize(("arguments", "shown"), COMMANDS)
def test_a_command_is_shown_as_typed_without_secrets(arguments: list[str], shown: str) -> None:
    assert command_line(["/usr/bin/ansible-playbook", *arguments]) == f"ansible-playbook {shown}"
