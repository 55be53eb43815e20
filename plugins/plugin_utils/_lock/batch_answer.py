"""One answer for all hosts of a batch that run the same task, each in a process of its own.

Strategy linear has ``run_once`` for that. Strategy free has nothing, so the first process to come asks for all of them,
and the others wait for its answer.
"""

from __future__ import annotations

import fcntl
import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    Answer = dict[str, Any]


def shared(path: Path, host: str, hosts: Iterable[str], ask: Callable[[], Answer]) -> tuple[Answer, str]:
    """Give *host* the answer that another of *hosts* has left for it in the file *path*, or ask for all of them.

    An answer is plain data, and every host takes it once: when a host comes again it asks anew. Tells also which host
    has asked. A process that is killed while it asks leaves no answer, so that the next one asks.
    What *ask* raises comes out as it is, and is no answer either.

    :raises OSError: when the file cannot be written
    """
    with path.open("a+", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        left = json.loads(file.read() or "{}")
        if host not in left.get("for", ()):
            left = {"answer": ask(), "by": host, "for": sorted({*hosts, host})}
        left["for"].remove(host)
        file.truncate(0)
        file.write(json.dumps(left))
    answer: Answer = left["answer"]
    return answer, left["by"]
