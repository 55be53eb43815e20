"""Poll a page through several balancers, as a client does that knows them all, and tell honestly how that went.

The client looks at every balancer's health endpoint and sends its requests to those that are healthy. Where a
connection cannot be made it tries the next balancer; a request that was sent is never sent again, so whatever goes
wrong with it is a failure.

A failure counts as *in flight* to a killed host, apart from the others, only if the request was under way between
the kill, whose time a driver writes into the kills file, and the end of the detection window after it, and if it went
to that host: the balancer's answer names it as the server, or it was the balancer itself. A broken connection whose
server nobody can name counts as an ordinary failure.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import itertools
import json
import signal
import time
from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

CONNECT_TIMEOUT = 1.0
ANSWER_TIMEOUT = 15.0
HEALTH_INTERVAL = 0.5
STATUS_INTERVAL = 0.5


@dataclass(frozen=True)
class Balancer:
    name: str
    address: str


@dataclass(frozen=True)
class Answer:
    """What came back over one connection."""

    status: int
    served_by: str
    complete: bool

    @classmethod
    def parse(cls, data: bytes) -> Answer:
        head, _separator, body = data.partition(b"\r\n\r\n")
        status_line, *lines = head.decode("latin-1").split("\r\n")
        headers = {
            key.lower(): value.strip() for key, _separator, value in (line.partition(":") for line in lines)
        }
        return cls(
            status=int(status_line.split()[1]),
            served_by=headers.get("x-served-by", ""),
            complete=len(body) == int(headers.get("content-length", len(body))),
        )


@dataclass(frozen=True)
class Outcome:
    """How one request went."""

    started: float
    seconds: float
    balancer: str
    served_by: str
    error: str


@dataclass(frozen=True)
class Kill:
    """A host lost its power, some time between the begin and the end of the command that cut it."""

    begin: float
    end: float
    host: str

    def explains(self, failure: Outcome, detection: float) -> bool:
        under_way = (
            failure.started <= self.end + detection and failure.started + failure.seconds >= self.begin
        )
        return under_way and self.host in (failure.served_by, failure.balancer)


def read_kills(path: Path | None) -> list[Kill]:
    """Read the lines ``BEGIN END HOST`` that a driver writes when it kills a host."""
    if path is None or not path.exists():
        return []
    lines = (line.split() for line in path.read_text(encoding="utf-8").splitlines())
    return [Kill(float(begin), float(end), host) for begin, end, host in lines]


@dataclass
class Tally:
    """All numbers, and every failure."""

    detection: float
    sent: int = 0
    rerouted: int = 0
    served_by: Counter[str] = field(default_factory=Counter)
    failures: list[Outcome] = field(default_factory=list)
    slowest: Outcome | None = None

    def add(self, outcome: Outcome) -> None:
        if outcome.error:
            self.failures.append(outcome)
        else:
            self.served_by[outcome.served_by] += 1
        if self.slowest is None or outcome.seconds > self.slowest.seconds:
            self.slowest = outcome

    def summary(self, kills: Iterable[Kill]) -> dict[str, Any]:
        in_flight: Counter[str] = Counter()
        failures = []
        for failure in self.failures:
            kill = next((kill for kill in kills if kill.explains(failure, self.detection)), None)
            in_flight.update([kill.host] if kill else [])
            failures.append({**asdict(failure), "in_flight_to": kill.host if kill else None})
        return {
            "sent": self.sent,
            "ok": self.served_by.total(),
            "failed": len(failures) - in_flight.total(),
            "in_flight": dict(in_flight),
            "rerouted": self.rerouted,
            "served_by": dict(self.served_by),
            "slowest": asdict(self.slowest) if self.slowest else None,
            "failures": failures,
        }


class Client:
    """Sends requests at a steady rate, however long the answers take."""

    def __init__(self, balancers: Sequence[Balancer], health_port: int, tally: Tally) -> None:
        self.balancers = balancers
        self.health_port = health_port
        self.tally = tally
        self.healthy: set[Balancer] = set(balancers)
        self._turns = itertools.count()

    def candidates(self) -> list[Balancer]:
        """Give every balancer, the healthy ones first, each in its turn."""
        turn = next(self._turns) % len(self.balancers)
        rotated = [*self.balancers[turn:], *self.balancers[:turn]]
        return sorted(rotated, key=lambda balancer: balancer not in self.healthy)

    async def watch(self, balancer: Balancer) -> None:
        """Follow one balancer's health endpoint forever."""
        while True:
            healthy = False
            with contextlib.suppress(OSError, ValueError, IndexError):
                streams = await connect(balancer.address, self.health_port)
                healthy = (await ask(streams, "/health", CONNECT_TIMEOUT)).status == 200
            (self.healthy.add if healthy else self.healthy.discard)(balancer)
            await asyncio.sleep(HEALTH_INTERVAL)

    async def request(self) -> None:
        """Get the page once."""
        self.tally.sent += 1
        started, clock = time.time(), time.monotonic()
        balancer, served_by, error = Balancer("", ""), "", "no balancer accepts connections"
        for balancer in self.candidates():
            try:
                streams = await connect(balancer.address, 80)
            except OSError:
                self.tally.rerouted += 1
                continue
            served_by, error = await self.get_page(streams)
            break
        self.tally.add(Outcome(started, time.monotonic() - clock, balancer.name, served_by, error))

    async def get_page(self, streams: Streams) -> tuple[str, str]:
        """Tell which server answered, and what was wrong, if anything was."""
        try:
            answer = await ask(streams, "/", ANSWER_TIMEOUT)
        except TimeoutError:
            return "", f"no answer within {ANSWER_TIMEOUT:g} s"
        except (OSError, ValueError, IndexError) as exc:
            return "", f"connection broken: {exc}"
        if answer.status != 200:
            return answer.served_by, f"status {answer.status}"
        return answer.served_by, "" if answer.complete else "the answer is cut off"

    async def run(self, rate: float) -> None:
        """Send requests until cancelled, then wait for those that are under way."""
        loop = asyncio.get_running_loop()
        watchers = [loop.create_task(self.watch(balancer)) for balancer in self.balancers]
        under_way: set[asyncio.Task[None]] = set()
        tick = loop.time()
        try:
            while True:
                task = loop.create_task(self.request())
                under_way.add(task)
                task.add_done_callback(under_way.discard)
                tick += 1 / rate
                await asyncio.sleep(max(0.0, tick - loop.time()))
        finally:
            for watcher in watchers:
                watcher.cancel()
            await asyncio.gather(*under_way)


Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def connect(address: str, port: int) -> Streams:
    async with asyncio.timeout(CONNECT_TIMEOUT):
        return await asyncio.open_connection(address, port)


async def ask(streams: Streams, path: str, timeout: float) -> Answer:
    """Send one request over a fresh connection and read all that comes back."""
    reader, writer = streams
    try:
        async with asyncio.timeout(timeout):
            writer.write(f"GET {path} HTTP/1.1\r\nHost: demo\r\nConnection: close\r\n\r\n".encode())
            await writer.drain()
            return Answer.parse(await reader.read())
    finally:
        writer.close()


def write_status(path: Path, numbers: dict[str, Any]) -> None:
    draft = path.with_suffix(".new")
    draft.write_text(json.dumps(numbers), encoding="utf-8")
    draft.replace(path)


async def keep_status(client: Client, status: Path, kills: Path | None) -> None:
    """Write the live numbers, without the list of failures, again and again."""
    while True:
        numbers = client.tally.summary(read_kills(kills))
        del numbers["failures"]
        write_status(status, {**numbers, "healthy": sorted(balancer.name for balancer in client.healthy)})
        await asyncio.sleep(STATUS_INTERVAL)


async def poll(options: argparse.Namespace, client: Client) -> None:
    """Send requests and keep the numbers until the time is up or a signal comes."""
    loop = asyncio.get_running_loop()
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(client.run(options.rate))]
        if options.status:
            tasks.append(group.create_task(keep_status(client, options.status, options.kills)))

        def stop() -> None:
            for task in tasks:
                task.cancel()

        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stop)
        if options.seconds:
            loop.call_later(options.seconds, stop)


def parse_balancer(text: str) -> Balancer:
    name, _separator, address = text.partition("=")
    return Balancer(name, address)


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("balancers", nargs="+", type=parse_balancer, metavar="NAME=ADDRESS")
    parser.add_argument("--rate", type=float, default=20.0, help="requests per second")
    parser.add_argument("--seconds", type=float, help="stop after so long (default: at SIGINT or SIGTERM)")
    parser.add_argument("--health-port", type=int, default=8404, help="port of the balancers' /health")
    parser.add_argument("--status", type=Path, help="file to keep live numbers in")
    parser.add_argument("--kills", type=Path, help="file with a line 'BEGIN END HOST' for each kill")
    parser.add_argument(
        "--detection", type=float, default=2.0, help="seconds until the balancers know that a host is gone"
    )
    return parser.parse_args()


def main() -> None:
    options = parse_arguments()
    client = Client(options.balancers, options.health_port, Tally(options.detection))
    asyncio.run(poll(options, client))
    print(json.dumps(client.tally.summary(read_kills(options.kills)), indent=2))


if __name__ == "__main__":
    main()
