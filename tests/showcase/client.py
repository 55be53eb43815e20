"""Order from the shop all the time, through its virtual address, and tell honestly how that went.

Each order is sent, and looked up a moment later. A request is sent again only where there was no answer, because its
connection was refused or broken, which is counted; an answer that is not 200, or not about this order, has failed, and
so has a request that nobody has answered for forty seconds. At the end, with SIGTERM, the rows of all orders
that were confirmed are looked for, and their messages: each must have been taken from the queue and shipped.
"""

from __future__ import annotations

import argparse
import http.client
import json
import signal
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ansible_collections.orderly.services.tests.services.client import Tally, write

if TYPE_CHECKING:
    from collections.abc import Callable

CONNECT_SECONDS = 2.0
ANSWER_SECONDS = 30.0
"""How long the shop may take: more than it gives the services behind it."""
OPERATION_SECONDS = 40.0
"""How long a request may be sent again, before it has failed."""
END_SECONDS = 60.0
WORKERS = 4
RATE = 3.0
"""Orders per second of each worker."""


class BadAnswerError(Exception):
    """There was an answer, which is not what it should be."""


def request(address: str, method: str, path: str, timeout: float = ANSWER_SECONDS) -> dict[str, Any]:
    """Send a request over a new connection.

    No answer is an :class:`OSError` or an :class:`http.client.HTTPException`, any other than 200 is a
    :class:`BadAnswerError`.
    """
    connection = http.client.HTTPConnection(address, timeout=CONNECT_SECONDS)
    try:
        connection.connect()
        connection.sock.settimeout(timeout)
        connection.request(method, path)
        answer = connection.getresponse()
        body = answer.read()
    finally:
        connection.close()
    if answer.status != 200:
        raise BadAnswerError(f"{method} {path}: {answer.status} {body[:200].decode(errors='replace')}")
    said: dict[str, Any] = json.loads(body)
    return said


@dataclass
class Load:
    """What all workers have seen of the shop (``requests``), and of each service behind it."""

    ask: Callable[[str, str], dict[str, Any]]
    clock: Callable[[], float]
    sleep: Callable[[float], None]
    tallies: dict[str, Tally] = field(init=False)

    def __post_init__(self) -> None:
        now = self.clock()
        self.tallies = {name: Tally(now) for name in ("requests", "rows", "messages", "cache")}

    def order(self) -> None:
        """Order once, and look the order up."""
        rows, messages, cache = (self.tallies[name] for name in ("rows", "messages", "cache"))
        number, begin = rows.number(), self.clock()
        messages.number()
        if self._send("PUT", number) is None:
            rows.failed("not confirmed")
            messages.failed("not confirmed")
            return
        rows.succeeded(number, begin, self.clock())
        messages.succeeded(number, begin, self.clock())
        found, begin = self._send("GET", number), self.clock()
        cache.number()
        if found and found["from"] == "cache":
            cache.succeeded(number, begin, self.clock())
        else:
            cache.failed("it was the database that answered")

    def _send(self, method: str, number: int) -> dict[str, Any] | None:
        """Send a request until there is an answer; nothing where it has failed."""
        requests = self.tallies["requests"]
        operation, begin, reason = requests.number(), self.clock(), ""
        while self.clock() - begin < OPERATION_SECONDS:
            try:
                answer = self.ask(method, f"/orders/{number}")
                if answer["number"] != number:
                    raise BadAnswerError(f"{method} /orders/{number}: it told of {answer['number']}")
            except BadAnswerError as exc:
                requests.failed(str(exc))
                return None
            except (OSError, http.client.HTTPException) as exc:
                reason = f"{type(exc).__name__}: {exc}"
                requests.sent_again(f"{method}: {type(exc).__name__}")
                self.sleep(0.1)
                continue
            requests.succeeded(operation, begin, self.clock())
            for name, asked in answer["again"].items():
                for each in asked:
                    self.tallies[name].sent_again(each)
            return answer
        requests.failed(f"{method} /orders/{number}: no answer, {reason}")
        return None

    def numbers(self) -> dict[str, Any]:
        """Give all numbers, service by service."""
        return {name: tally.numbers(self.clock()) for name, tally in self.tallies.items()}


def work(load: Load, stop: threading.Event) -> None:
    """Order at a steady rate until told to stop."""
    tick = time.monotonic()
    while not stop.is_set():
        load.order()
        tick = max(tick + 1 / RATE, time.monotonic() - 1.0)
        stop.wait(max(0.0, tick - time.monotonic()))


def look_for_all(load: Load, numbers_at: Callable[[str], set[int]]) -> dict[str, dict[str, int]]:
    """Count what was confirmed: found again, and lost; messages that are on their way are waited for."""
    result = {}
    for name, path in (("rows", "/orders"), ("messages", "/shipments")):
        confirmed, end = load.tallies[name].confirmed, load.clock() + END_SECONDS
        while confirmed - (there := numbers_at(path)) and load.clock() < end:
            load.sleep(1.0)
        result[name] = {"found": len(confirmed & there), "lost": len(confirmed - there)}
    return result


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("address")
    parser.add_argument("--numbers", type=Path, required=True, metavar="FILE")
    options = parser.parse_args(arguments)
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_signal: stop.set())
    load = Load(lambda method, path: request(options.address, method, path), time.monotonic, time.sleep)
    threads = [threading.Thread(target=work, args=(load, stop), daemon=True) for _number in range(WORKERS)]
    for thread in threads:
        thread.start()
    while not stop.wait(0.5):
        write(options.numbers, load.numbers())
    for thread in threads:
        thread.join(2 * OPERATION_SECONDS)

    def numbers_at(path: str) -> set[int]:
        return {*request(options.address, "GET", path)["numbers"]}

    numbers = load.numbers()
    write(options.numbers, {**numbers, "end": look_for_all(load, numbers_at)})


if __name__ == "__main__":
    main(sys.argv[1:])
