"""What is to be read last is said once, below all else, by the process that started the others."""

from __future__ import annotations

import subprocess
import sys

from ansible_collections.orderly.services.plugins.plugin_utils._last_words import LINES_SHOWN, SHOWN, lines

RUN = """
import os
from ansible_collections.orderly.services.plugins.plugin_utils import _last_words as last
last.leave("before anybody promised")
last.promise(lambda: print("restart: done on 1 of 2 hosts.", flush=True))
last.promise(lambda: print("allow: done.", flush=True))
if not os.fork():
    last.leave("no", "web2")
    os._exit(0)
os.wait()
last.leave("no", "web1")
last.leave("look\\nthere")
print("recap", flush=True)
"""


def test_what_any_process_left_is_said_once_at_the_end_of_the_first() -> None:
    done = subprocess.run([sys.executable, "-c", RUN], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [
        "recap", "web1, web2: no", "look", "there", "restart: done on 1 of 2 hosts.", "allow: done.",
    ]  # fmt: skip


def test_a_sentence_is_said_once_with_its_hosts() -> None:
    assert lines([("no", "web2"), ("alone", ""), ("no", "web1"), ("no", "web2")]) == [
        "web1, web2: no",
        "alone",
    ]


def test_what_is_much_is_cut_as_it_stands_above() -> None:
    many = lines([(f"no {number}", "") for number in range(SHOWN + 2)])
    assert many == [*(f"no {number}" for number in range(SHOWN)), "and 2 more failures, above."]
    assert lines([("\n".join(["x"] * (LINES_SHOWN + 2)), "")])[-2:] == ["x", "and 2 more lines, above."]
    assert lines([("\n".join(["x"] * (LINES_SHOWN + 1)), "")]) == ["x"] * (LINES_SHOWN + 1)


def test_nothing_that_was_left_is_nothing_to_say() -> None:
    assert lines([]) == []
