"""Messages, options, task names and guides use the words that the field uses."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
PLAIN = {
    r"circle": "cycle",
    r"mend(s|ed|ing)?": "fix, or correct",
    r"for ever": "forever, or deadlock",
    r"means nothing here": "say what to do: name at least one",
    r"something else than": "something other than",
    r"(?<!there )is no file": "is not a file",
    r"named as left": "reported as skipped",
    r"is nothing for": "cannot be used in",
    r"say no longer|tell it no longer": "remove",
    r"say whose .* it is": "option X is required",
    r"cannot be told": "cannot be determined",
    r"are told as|locks are told|told together": "reported",
    r"is no (name|record|policy|stamp|window|action|option|role|host and port|database)": "is not a …",
    r"names no (store|file)": "is not a store address",
    r"is there twice": "appears twice",
    r"leads back": "can take you back",
    r"wins over": "takes precedence over, or overrides",
    r"counts? only from": "is accepted only on the command line",
    r"on record as": "recorded as",
    r"passed? over": "skip",
    r"take (it|them|that|the task|the tag) out": "remove",
    r"goes? by itself|runs by itself": "can be run on its own",
    r"as new as can be": "up to date",
    r"no host but|but one of them": "other than, only",
    r"of yours": "your own",
    r"somebody else than": "not",
    r"questions? alike": "gives every caller the same answer",
    r"comes from no package|come from no package": "no package owns",
    r"needs? to boot again": "needs a reboot",
    r"changed? for a while": "temporarily",
    r"does not tell|does not answer for": "does not say, has not answered for",
}
"""What is not to come back, and what to write instead."""

TEXTS = [
    path
    for place in ("plugins", "roles", "playbooks", "docs", "README.md", "CONTRIBUTING.md", "SECURITY.md")
    for path in ([ROOT / place] if (ROOT / place).is_file() else sorted((ROOT / place).rglob("*")))
    if path.is_file()
    and (path.suffix in (".py", ".yml", ".md", ".html", ".j2") or path.name == "policy-rc.d")
]


@pytest.mark.parametrize("idiom", PLAIN)
def test_plain_words(idiom: str) -> None:
    rule = re.compile(rf"\b({idiom})\b", re.IGNORECASE)
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in TEXTS
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if rule.search(line)
    ]
    assert found == [], f"write: {PLAIN[idiom]}"
