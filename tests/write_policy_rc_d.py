"""Put ``roles/deferral/files/policy-rc.d`` together again, after one of its parts was changed.

Run: tests/env python tests/write_policy_rc_d.py

What stands above the title of a Perl part (``use strict`` and the names of other parts that it uses) is for reading and
checking the part alone, and is left out: the installed script loads no module. Perl names part and line in its errors.
"""

from __future__ import annotations

from pathlib import Path

ROLE = Path(__file__).resolve().parent.parent / "roles/deferral"
SCRIPT = ROLE / "files/policy-rc.d"
PARTS = ROLE / "src/policy-rc.d"

SHELL = "shell.sh"
# What nearly every question needs; the last of these answers it, so nothing that it needs may come after.
ALWAYS = ("constants.pl", "read.pl", "question.pl", "policies.pl", "main.pl")
# What is compiled when something in it is called first.
WHEN_NEEDED = (
    *("records.pl", "write.pl", "old_records.pl", "packages.pl", "seldom.pl"),
    *("links.pl", "patterns.pl", "actions.pl", "changed_policies.pl", "systemd.pl", "drags.pl"),
    *("commands.pl", "collateral.pl", "in_spite.pl", "chained.pl"),
    *("yaml.pl", "yaml_quotes.pl"),
)

BEFORE_PERL = """
# The shell never comes here; Perl starts at its own line. As a document the rest is no concern of sh -n either.
: <<'END_OF_PERL'
#!perl -w
"""
AFTER_PERL = """
1;
__END__
END_OF_PERL
"""


def put_together() -> str:
    """Make the script of its parts."""
    always = "\n".join(map(_with_line_numbers, ALWAYS))
    chapters = "".join(f"{_with_line_numbers(name)}\f\n" for name in WHEN_NEEDED)
    return f"{(PARTS / SHELL).read_text(encoding='utf-8')}{BEFORE_PERL}{always}\n{chapters}{AFTER_PERL}"


def _with_line_numbers(name: str) -> str:
    text = (PARTS / name).read_text(encoding="utf-8")
    title = text.index("\n# --- ") + 1
    line = text.count("\n", 0, title) + 1
    return f'#line {line} "{PARTS.name}/{name}"\n{text[title:]}'


if __name__ == "__main__":
    SCRIPT.write_text(put_together(), encoding="utf-8")
