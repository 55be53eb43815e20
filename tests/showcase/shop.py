"""A shop that takes orders: each is a row in Galera, a message in a queue of RabbitMQ, and a key in a cache of Redis.

``PUT /orders/7`` answers when the row and the message are confirmed; sent twice it is the same order. ``GET /orders/7``
asks the cache first. Somebody takes the messages from the queue and ships what was ordered. ``GET /orders`` and
``GET /shipments`` give the numbers of all there are. An answer also tells which nodes of the services were asked in
vain before: ``again``.
"""

from __future__ import annotations

import itertools
import json
import threading
import time
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pika
import pymysql
import redis

if TYPE_CHECKING:
    from collections.abc import Callable

PATIENCE = 12.0
"""Seconds in which some node of a service must have answered: Galera waits five for a node that died, and no other
node confirms anything meanwhile."""
ATTEMPT = 2
"""Seconds that one node may take."""
LOGIN = {"user": "shop", "password": "shop"}
SENTINELS = [("r1", 26379), ("r2", 26379), ("r3", 26379)]

Asked = list[str]
"""The nodes that were asked in vain, each with the reason."""


def open_rows(node: str) -> Any:
    """Connect to a node of Galera; what another node has confirmed is waited for before it is read."""
    wait = "SET SESSION wsrep_sync_wait = 1"
    return pymysql.connect(
        host=node, database="shop", autocommit=True, init_command=wait,
        connect_timeout=ATTEMPT, read_timeout=ATTEMPT, write_timeout=ATTEMPT, **LOGIN,
    )  # fmt: skip


def open_queue(node: str, heartbeat: int = 0) -> Any:
    """Connect to a node of RabbitMQ, and give a channel whose messages are confirmed.

    There is no *heartbeat* where nobody would answer it between two requests.
    """
    login = pika.PlainCredentials(LOGIN["user"], LOGIN["password"])
    timeouts = {"socket_timeout": ATTEMPT, "stack_timeout": ATTEMPT, "blocked_connection_timeout": ATTEMPT}
    # Waiting for a confirmation has no timeout of its own.
    options = {"TCP_USER_TIMEOUT": ATTEMPT * 1000}
    parameters = pika.ConnectionParameters(
        node, credentials=login, heartbeat=heartbeat, tcp_options=options, **timeouts
    )
    channel = pika.BlockingConnection(parameters).channel()
    channel.queue_declare("orders", durable=True, arguments={"x-queue-type": "quorum"})
    channel.confirm_delivery()
    return channel


class Cluster:
    """A service with several nodes, any of which will do; connections are kept for the next request."""

    def __init__(self, nodes: list[str], connect: Callable[[str], Any]) -> None:
        self._nodes = nodes
        self._connect = connect
        self._idle: list[tuple[str, Any]] = []
        self._lock = threading.Lock()

    def ask(self, question: Callable[[Any], Any], asked: Asked) -> Any:
        """Give the answer of the first node that has one; after :data:`PATIENCE` the last error is raised."""
        end = time.monotonic() + PATIENCE
        while True:
            node, connection = self._idle_one()
            try:
                connection = connection or self._connect(node)
                answer = question(connection)
            except Exception as exc:  # each library has its own; any of them means: the next node
                self._give_up(node, connection)
                asked.append(f"{node}: {type(exc).__name__}")
                if time.monotonic() > end:
                    raise
                time.sleep(0.05)
                continue
            with self._lock:
                self._idle.append((node, connection))
            return answer

    def _idle_one(self) -> tuple[str, Any]:
        with self._lock:
            return self._idle.pop() if self._idle else (self._nodes[0], None)

    def _give_up(self, node: str, connection: Any) -> None:
        """Close what there is to this node, and ask it last."""
        with self._lock:
            gone = [each for each in self._idle if each[0] == node]
            self._idle = [each for each in self._idle if each[0] != node]
            if self._nodes[0] == node:
                self._nodes = [*self._nodes[1:], node]
        for each in (connection, *(connection for _node, connection in gone)):
            with suppress(Exception):  # it is broken anyway
                each.close()


ROWS = Cluster(["db1", "db2", "db3"], open_rows)
QUEUE = Cluster(["mq1", "mq2", "mq3"], open_queue)
CACHE = redis.Sentinel(SENTINELS, socket_timeout=0.5).master_for("shop", socket_timeout=0.5)


def cached(question: Callable[[Any], Any], asked: Asked) -> Any:
    """Ask the cache, without which the shop does as well."""
    try:
        return question(CACHE)
    except redis.RedisError as exc:
        asked.append(f"cache: {type(exc).__name__}")
        return None


def select(sql: str, *values: int) -> Callable[[Any], list[int]]:
    """Make a question for the numbers of orders."""

    def question(connection: Any) -> list[int]:
        with connection.cursor() as cursor:
            cursor.execute(sql, values)
            return [row[0] for row in cursor.fetchall()]

    return question


def publish(number: int) -> Callable[[Any], None]:
    """Make a question to the queue: take this message."""
    return lambda channel: channel.basic_publish("", "orders", str(number).encode(), mandatory=True)


def ship(channel: Any) -> None:
    """Ship what is ordered, until the connection breaks; a message is taken when its shipment is on record."""
    channel.basic_qos(prefetch_count=20)
    for method, _properties, body in channel.consume("orders"):
        ROWS.ask(select("INSERT IGNORE INTO shipments VALUES (%s)", int(body)), [])
        channel.basic_ack(method.delivery_tag)


def ship_always() -> None:
    """Ship from one node of the queue or another."""
    for node in itertools.cycle(["mq1", "mq2", "mq3"]):
        with suppress(Exception):  # whatever it is, messages that were not shipped are still in the queue
            ship(open_queue(node, heartbeat=10))
        time.sleep(1)


def take(number: int) -> dict[str, Any]:
    """Take an order."""
    again: dict[str, Asked] = {"rows": [], "messages": [], "cache": []}
    ROWS.ask(select("INSERT IGNORE INTO orders VALUES (%s)", number), again["rows"])
    QUEUE.ask(publish(number), again["messages"])
    cached(lambda cache: cache.set(f"order/{number}", number), again["cache"])
    return {"number": number, "again": again}


def look_up(number: int) -> dict[str, Any]:
    """Find an order, in the cache or else in the database."""
    again: dict[str, Asked] = {"rows": [], "cache": []}
    found, source = cached(lambda cache: cache.get(f"order/{number}"), again["cache"]), "cache"
    if found is None:
        rows = ROWS.ask(select("SELECT number FROM orders WHERE number = %s", number), again["rows"])
        found, source = (rows[0] if rows else None), "rows"
    return {"number": found and int(found), "from": source, "again": again}


class Handler(BaseHTTPRequestHandler):
    """Turns requests into what is above."""

    def do_PUT(self) -> None:
        self.answer(lambda: take(int(self.path.removeprefix("/orders/"))))

    def do_GET(self) -> None:
        if self.path == "/health":
            self.answer(lambda: {"serves": True})
        elif self.path == "/orders":
            self.answer(lambda: {"numbers": ROWS.ask(select("SELECT number FROM orders"), [])})
        elif self.path == "/shipments":
            self.answer(lambda: {"numbers": ROWS.ask(select("SELECT number FROM shipments"), [])})
        else:
            self.answer(lambda: look_up(int(self.path.removeprefix("/orders/"))))

    def answer(self, act: Callable[[], dict[str, Any]]) -> None:
        try:
            status, said = 200, act()
        except Exception as exc:  # whatever it is, the client has to know
            status, said = 503, {"error": f"{type(exc).__name__}: {exc}"}
        body = json.dumps(said).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_anything: Any) -> None:
        """Say nothing: the web server in front does."""


if __name__ == "__main__":
    threading.Thread(target=ship_always, daemon=True).start()
    ThreadingHTTPServer(("127.0.0.1", 8000), Handler).serve_forever()
