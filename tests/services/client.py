"""Use a cluster all the time, as an application does that knows all of its nodes, and tell honestly how that went.

It runs on a host of its own, with what Debian has there. Each operation writes a row (or fetches a page) and reads it
back, on one node after the other. Where a node does not answer it is sent again, to the next node, which is counted;
one that no node has answered for ten seconds has failed. At the end, with SIGTERM, every row that was confirmed is
looked for.
"""

from __future__ import annotations

import argparse
import base64
import json
import signal
import smtplib
import socket
import socketserver
import struct
import sys
import threading
import time
import urllib.request
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

ATTEMPT_SECONDS = 3.0
"""How long a node may take to answer, before the next one is asked."""
OPERATION_SECONDS = 10.0
"""How long an operation may take over all nodes, before it has failed."""
AWAY_SECONDS = 2.0
"""How long a node is left alone that did not answer."""
GAP_SECONDS = 1.0
"""How long nothing may succeed before the service counts as down since the last success."""
LOGIN = "shop"
"""The password of clusters that are gone in an hour."""
WORKERS = 3
RATE = 5.0
"""Operations per second of each worker."""


class Connection(Protocol):
    """An open connection to a node of the cluster; whatever goes wrong is an exception of any kind."""

    def write(self, number: int) -> None:
        """Write a row and read it back; it must be there when this returns."""

    def found(self) -> set[int]:
        """Give the rows that are there."""

    def close(self) -> None:
        """End it."""


class Mysql:
    """MariaDB: a row is one of a table."""

    def __init__(self, node: str) -> None:
        import pymysql  # of Debian, there on the client's host alone

        self._open = pymysql.connect(
            host=node, user="shop",
            password=LOGIN,
            database="shop",
            autocommit=True,
            connect_timeout=2, read_timeout=int(ATTEMPT_SECONDS), write_timeout=int(ATTEMPT_SECONDS),
        )  # fmt: skip

    def write(self, number: int) -> None:
        with self._open.cursor() as cursor:
            cursor.execute("INSERT IGNORE INTO numbers VALUES (%s)", (number,))
            cursor.execute("SELECT number FROM numbers WHERE number = %s", (number,))
            if cursor.fetchone() != (number,):
                raise OSError("the row that was confirmed is not there")

    def found(self) -> set[int]:
        with self._open.cursor() as cursor:
            cursor.execute("SELECT number FROM numbers")
            return {row[0] for row in cursor.fetchall()}

    def close(self) -> None:
        self._open.close()


class Postgresql:
    """PostgreSQL: a row is one of a table; a node is a list of hosts, whichever of which is the primary now."""

    def __init__(self, node: str) -> None:
        import psycopg2  # of Debian, as above

        self._open = psycopg2.connect(
            host=node, user="shop", dbname="shop", target_session_attrs="read-write", connect_timeout=2,
            tcp_user_timeout=int(ATTEMPT_SECONDS * 1000),
            options=f"-c statement_timeout={int(ATTEMPT_SECONDS * 1000)}",
        )  # fmt: skip
        self._open.autocommit = True

    def write(self, number: int) -> None:
        with self._open.cursor() as cursor:
            cursor.execute("INSERT INTO numbers VALUES (%s) ON CONFLICT DO NOTHING", (number,))
            cursor.execute("SELECT number FROM numbers WHERE number = %s", (number,))
            if cursor.fetchone() != (number,):
                raise OSError("the row that was confirmed is not there")

    def found(self) -> set[int]:
        with self._open.cursor() as cursor:
            cursor.execute("SELECT number FROM numbers")
            return {row[0] for row in cursor.fetchall()}

    def close(self) -> None:
        self._open.close()


class Amqp:
    """RabbitMQ: a row is a message in a quorum queue, and only one that the broker confirms counts as written."""

    def __init__(self, node: str) -> None:
        import pika  # of Debian, as above

        login = pika.PlainCredentials("shop", LOGIN)
        self._open = pika.BlockingConnection(
            pika.ConnectionParameters(
                node, credentials=login, socket_timeout=2, stack_timeout=ATTEMPT_SECONDS, heartbeat=10,
                blocked_connection_timeout=ATTEMPT_SECONDS,
                tcp_options={"TCP_USER_TIMEOUT": int(ATTEMPT_SECONDS * 1000)},  # a confirmation has no timeout
            )
        )  # fmt: skip
        self._channel = self._open.channel()
        self._channel.queue_declare("load", durable=True, arguments={"x-queue-type": "quorum"})
        self._channel.confirm_delivery()

    def write(self, number: int) -> None:
        self._channel.basic_publish("", "load", str(number).encode(), mandatory=True)

    def found(self) -> set[int]:
        numbers = set()
        for method, _properties, body in self._channel.consume("load", auto_ack=True, inactivity_timeout=3):
            if method is None:
                break
            numbers.add(int(body))
        return numbers

    def close(self) -> None:
        self._open.close()


class Page:
    """A web server, or a balancer in front of some: there are no rows, a page is fetched."""

    def __init__(self, node: str) -> None:
        self._url = f"http://{node}/"

    def write(self, _number: int) -> None:
        with urllib.request.urlopen(self._url, timeout=ATTEMPT_SECONDS) as answer:  # noqa: S310 - a URL of ours
            if answer.status != 200 or not answer.read():
                raise OSError(f"{self._url} answered with {answer.status}")

    def found(self) -> set[int]:
        return set()

    def close(self) -> None:
        pass


class Etcd:
    """etcd, through its JSON gateway: a row is a key."""

    def __init__(self, node: str) -> None:
        self._url = f"http://{node}:2379/v3/kv"

    def _ask(self, what: str, **request: str | bool) -> dict[str, Any]:
        body = json.dumps(request).encode()
        address = f"{self._url}/{what}"
        with urllib.request.urlopen(address, body, timeout=ATTEMPT_SECONDS) as answer:  # noqa: S310 - a URL of ours
            found: dict[str, Any] = json.loads(answer.read())
            return found

    def write(self, number: int) -> None:
        key = text64(f"load/{number:09}")
        self._ask("put", key=key, value=text64("."))
        if self._ask("range", key=key).get("count") != "1":
            raise OSError("the key that was confirmed is not there")

    def found(self) -> set[int]:
        all_of_them = self._ask("range", key=text64("load/"), range_end=text64("load0"), keys_only=True)
        return {int(base64.b64decode(each["key"]).rpartition(b"/")[2]) for each in all_of_them.get("kvs", [])}

    def close(self) -> None:
        pass


class Memcached:
    """memcached: a row is a key, which no node keeps over a restart."""

    def __init__(self, node: str) -> None:
        self._socket = socket.create_connection((node, 11211), 2)
        self._socket.settimeout(ATTEMPT_SECONDS)
        self._lines = self._socket.makefile("rb")

    def write(self, number: int) -> None:
        self._socket.sendall(b"set load-%d 0 0 1\r\n.\r\nget load-%d\r\n" % (number, number))
        said = [self._lines.readline() for _line in range(4)]
        if said != [b"STORED\r\n", b"VALUE load-%d 0 1\r\n" % number, b".\r\n", b"END\r\n"]:
            raise OSError(f"it answered {said!r}")

    def found(self) -> set[int]:
        return set()

    def close(self) -> None:
        self._socket.close()


class Redis:
    """redis or valkey with sentinels: a node is a sentinel, which knows where the master is; a row is a key."""

    def __init__(self, node: str) -> None:
        import redis  # of Debian, as above

        seconds = {"socket_connect_timeout": 2, "socket_timeout": ATTEMPT_SECONDS}
        sentinel = redis.Redis(node, 26379, **seconds)
        host, port = sentinel.execute_command("SENTINEL", "GET-MASTER-ADDR-BY-NAME", "shop")
        sentinel.close()
        self._open = redis.Redis(host.decode(), int(port), **seconds)

    def write(self, number: int) -> None:
        self._open.set(f"load-{number}", ".")
        if self._open.get(f"load-{number}") != b".":
            raise OSError("the key that was confirmed is not there")

    def found(self) -> set[int]:
        return {int(key.rpartition(b"-")[2]) for key in self._open.scan_iter("load-*", count=1000)}

    def close(self) -> None:
        self._open.close()


class Dns:
    """A name server: there are no rows, a name is asked for over UDP, and for every tenth time over TCP."""

    NAME = b"\x04shop\x07example\x00"

    def __init__(self, node: str) -> None:
        self._node = node

    def write(self, number: int) -> None:
        asked = (
            struct.pack("!6H", number % 0x10000, 0x0100, 1, 0, 0, 0) + self.NAME + struct.pack("!2H", 1, 1)
        )
        said = self._by_tcp(asked) if number % 10 == 0 else by_udp(self._node, 53, asked)
        found, flags, _questions, records = struct.unpack_from("!4H", said)
        if found != number % 0x10000 or flags & 0xF or not records:
            raise OSError(f"it answered with status {flags & 0xF} and {records} records")

    def _by_tcp(self, asked: bytes) -> bytes:
        with socket.create_connection((self._node, 53), ATTEMPT_SECONDS) as connection:
            connection.sendall(struct.pack("!H", len(asked)) + asked)
            return connection.makefile("rb").read(2 + len(asked))[2:]

    def found(self) -> set[int]:
        return set()

    def close(self) -> None:
        pass


class Ntp:
    """A server of time: there are no rows, the time is asked for, and only a clock that is set counts."""

    def __init__(self, node: str) -> None:
        self._node = node

    def write(self, number: int) -> None:
        said = by_udp(self._node, 123, struct.pack("!B39xQ", 0o43, number))
        leap_and_mode, stratum, origin = struct.unpack_from("!BB22xQ", said)
        if leap_and_mode & 0o7 != 4 or leap_and_mode >> 6 == 3 or not 0 < stratum < 16 or origin != number:
            raise OSError(f"it answered {said[:4]!r}, which is not the time")

    def found(self) -> set[int]:
        return set()

    def close(self) -> None:
        pass


class ZooKeeper:
    """ZooKeeper: a row is a node of its tree. Each connection knows one server, which so has to serve itself."""

    def __init__(self, node: str) -> None:
        from kazoo.client import KazooClient  # of Debian, as above

        self._open = KazooClient(hosts=f"{node}:2181", timeout=ATTEMPT_SECONDS, connection_retry=None)
        self._open.start(timeout=ATTEMPT_SECONDS)
        self._open.ensure_path("/load")

    def write(self, number: int) -> None:
        from kazoo.exceptions import NodeExistsError

        if not self._open.connected:
            raise OSError("the connection is lost")
        path = f"/load/{number:09}"
        with suppress(NodeExistsError):  # an attempt before this one, without an answer
            self._open.create_async(path).get(timeout=ATTEMPT_SECONDS)
        self._open.get_async(path).get(timeout=ATTEMPT_SECONDS)

    def found(self) -> set[int]:
        self._open.sync("/load")
        return {int(each) for each in self._open.get_children("/load")}

    def close(self) -> None:
        self._open.stop()
        self._open.close()


class Ldap:
    """OpenLDAP: a row is an entry. It is written where the node refers writes to, and has to arrive at the node."""

    def __init__(self, node: str) -> None:
        self._base = "ou=load,dc=nodomain"
        self._open = self._bind(f"ldap://{node}")
        self._writes: Any = None

    @staticmethod
    def _bind(url: str) -> Any:
        import ldap  # of Debian, as above

        connection = ldap.initialize(url)
        connection.set_option(ldap.OPT_REFERRALS, 0)  # it would go there as nobody
        connection.set_option(ldap.OPT_NETWORK_TIMEOUT, 2)
        connection.timeout = ATTEMPT_SECONDS
        connection.simple_bind_s("cn=admin,dc=nodomain", LOGIN)
        return connection

    def write(self, number: int) -> None:
        import ldap

        name = f"cn={number},{self._base}"
        entry = [("objectClass", [b"organizationalRole"]), ("cn", [str(number).encode()])]
        with suppress(ldap.ALREADY_EXISTS):  # an attempt before this one, without an answer
            try:
                (self._writes or self._open).add_s(name, entry)
            except ldap.REFERRAL as exc:
                url = exc.args[0]["info"].split("ldap://", 1)[1].partition("/")[0]
                self._writes = self._bind(f"ldap://{url}")
                self._writes.add_s(name, entry)
        end = time.monotonic() + ATTEMPT_SECONDS
        while True:
            with suppress(ldap.NO_SUCH_OBJECT):
                self._open.search_s(name, ldap.SCOPE_BASE, attrlist=["cn"])
                return
            if time.monotonic() > end:
                raise OSError("the entry that was confirmed does not arrive")
            time.sleep(0.05)

    def found(self) -> set[int]:
        import ldap

        entries = self._open.search_s(self._base, ldap.SCOPE_ONELEVEL, attrlist=["cn"])
        return {int(attributes["cn"][0]) for _name, attributes in entries}

    def close(self) -> None:
        for connection in (self._open, self._writes):
            if connection:
                connection.unbind_s()


class OvsDb:
    """A database of Open vSwitch or OVN: what is asked and answered is JSON, one after the other on a connection."""

    def __init__(self, connection: socket.socket, database: str) -> None:
        self._socket = connection
        self._socket.settimeout(ATTEMPT_SECONDS)
        self._database = database
        self._said = ""
        self._asked = 0

    def transact(self, *operations: dict[str, Any]) -> list[dict[str, Any]]:
        """Do all operations in one transaction, and give what each of them has found."""
        self._asked += 1
        self._send({"method": "transact", "params": [self._database, *operations], "id": self._asked})
        while True:
            message = self._receive()
            if message.get("method") == "echo":
                self._send({"id": message["id"], "result": message["params"], "error": None})
            elif message.get("id") == self._asked:
                break
        if message["error"] or any(each.get("error") for each in message["result"]):
            raise OSError(f"it answered {message}"[:200])
        found: list[dict[str, Any]] = message["result"]
        return found

    def _send(self, message: dict[str, Any]) -> None:
        self._socket.sendall(json.dumps(message).encode())

    def _receive(self) -> dict[str, Any]:
        while True:
            try:
                message, end = json.JSONDecoder().raw_decode(self._said)
            except ValueError:
                if not (more := self._socket.recv(1 << 20)):
                    raise OSError("the connection is closed") from None
                self._said += more.decode()
                continue
            self._said = self._said[end:].lstrip()
            return dict(message)

    def close(self) -> None:
        self._socket.close()


class Northbound:
    """OVN's northbound database, clustered: a row is one of a table that no hypervisor looks at."""

    def __init__(self, node: str) -> None:
        self._open = OvsDb(socket.create_connection((node, 6641), 2), "OVN_Northbound")

    def write(self, number: int) -> None:
        row = {"op": "insert", "table": "DHCP_Options", "row": {"cidr": str(number)}}
        self._open.transact(row)
        if not self._rows([["cidr", "==", str(number)]]):
            raise OSError("the row that was confirmed is not there")

    def found(self) -> set[int]:
        return {int(row["cidr"]) for row in self._rows([])}

    def _rows(self, where: list[Any]) -> list[dict[str, str]]:
        look = {"op": "select", "table": "DHCP_Options", "where": where, "columns": ["cidr"]}
        (answer,) = self._open.transact(look)
        rows: list[dict[str, str]] = answer["rows"]
        return rows

    def close(self) -> None:
        self._open.close()


class Hypervisor:
    """An ovn-controller: there are no rows, OVN's databases here tell it something, and it has to do it."""

    SOCKETS = "/run/ovn/ovn{}_db.sock"

    def __init__(self, node: str) -> None:
        self._node = node
        self._north, self._south = (
            self._database("nb", "OVN_Northbound"),
            self._database("sb", "OVN_Southbound"),
        )

    def _database(self, short: str, name: str) -> OvsDb:
        connection = socket.socket(socket.AF_UNIX)
        connection.connect(self.SOCKETS.format(short))
        return OvsDb(connection, name)

    def write(self, number: int) -> None:  # noqa: ARG002 - the database counts by itself
        count = {"op": "mutate", "table": "NB_Global", "where": [], "mutations": [["nb_cfg", "+=", 1]]}
        look = {"op": "select", "table": "NB_Global", "where": [], "columns": ["nb_cfg"]}
        wanted = self._north.transact(count, look)[1]["rows"][0]["nb_cfg"]
        chassis = {
            "op": "select", "table": "Chassis_Private", "where": [["name", "==", self._node]], "columns": ["nb_cfg"]
        }  # fmt: skip
        end = time.monotonic() + ATTEMPT_SECONDS
        while not any(row["nb_cfg"] >= wanted for row in self._south.transact(chassis)[0]["rows"]):
            if time.monotonic() > end:
                raise OSError("it does not do what it is told")
            time.sleep(0.02)

    def found(self) -> set[int]:
        return set()

    def close(self) -> None:
        self._north.close()
        self._south.close()


class OpenFlow:
    """A bridge of Open vSwitch that speaks OpenFlow 1.0: a flow that expires is set and read back."""

    ANYTHING = struct.pack("!I36x", 0x3FFFFF)
    HELLO, FLOW, ASK, TELL = 0, 14, 16, 17

    def __init__(self, node: str) -> None:
        self._socket = socket.create_connection((node, 6653), 2)
        self._socket.settimeout(ATTEMPT_SECONDS)
        self._file = self._socket.makefile("rb")
        self._send(self.HELLO, b"")

    def write(self, number: int) -> None:
        flow = struct.pack("!QHHHHIHH", number, 0, 0, 5, number % 60000 + 1, 0xFFFFFFFF, 0xFFFF, 0)
        self._send(self.FLOW, self.ANYTHING + flow)
        self._send(self.ASK, struct.pack("!HH", 1, 0) + self.ANYTHING + struct.pack("!BxH", 0xFF, 0xFFFF))
        cookies = set()
        more = 1
        while more:
            kind, body = self._receive()
            if kind == self.TELL:
                more = body[3] & 1
                cookies |= set(self._cookies(body[4:]))
            elif kind == 1:
                raise OSError("it answered with an error")
        if number not in cookies:
            raise OSError("the flow that was set is not there")

    def _cookies(self, flows: bytes) -> Iterable[int]:
        while flows:
            yield from struct.unpack_from("!Q", flows, 64)
            flows = flows[struct.unpack_from("!H", flows)[0] :]

    def _send(self, kind: int, body: bytes) -> None:
        self._socket.sendall(struct.pack("!BBHI", 1, kind, 8 + len(body), 1) + body)

    def _receive(self) -> tuple[int, bytes]:
        header = self._file.read(8)
        if len(header) < 8:
            raise OSError("the connection is closed")
        _version, kind, length, _id = struct.unpack("!BBHI", header)
        body = self._file.read(length - 8)
        if kind == 2:  # it wants to know whether we are there
            self._send(3, body)
        return kind, body

    def found(self) -> set[int]:
        return set()

    def close(self) -> None:
        self._socket.close()


class Screen:
    """The screen of a guest that qemu runs: there are no rows, it is greeted as VNC does."""

    def __init__(self, node: str) -> None:
        self._node = node

    def write(self, number: int) -> None:  # noqa: ARG002 - a greeting has none
        with socket.create_connection((self._node, 5900), ATTEMPT_SECONDS) as connection:
            said = connection.makefile("rb").read(12)
        if not said.startswith(b"RFB 003."):
            raise OSError(f"it answered {said!r}")

    def found(self) -> set[int]:
        return set()

    def close(self) -> None:
        pass


class Smtp:
    """A mail server that relays to this host: a row is a message, which must arrive here.

    Every tenth message is refused for the time being as it arrives first, so that it stays in the queue for a while.
    """

    PORT = 2525
    QUIET_SECONDS = 15
    arrived: ClassVar[set[int]] = set()
    kept_waiting: ClassVar[set[int]] = set()
    last: ClassVar[float] = 0.0

    def __init__(self, node: str) -> None:
        self._open = smtplib.SMTP(node, 25, "client", timeout=ATTEMPT_SECONDS)

    def write(self, number: int) -> None:
        self._open.sendmail("load@client", [f"load-{number}@shop.example"], f"Subject: {number}\r\n\r\n.\r\n")

    def found(self) -> set[int]:
        """Wait until nothing arrives any more."""
        while time.monotonic() - self.last < self.QUIET_SECONDS:
            time.sleep(0.5)
        return set(self.arrived)

    def close(self) -> None:
        self._open.close()

    @classmethod
    def take(cls, number: int) -> bool:
        """Tell whether a message is taken that arrives; it has arrived then."""
        cls.last = time.monotonic()
        if number % 10 == 0 and number not in cls.kept_waiting:
            cls.kept_waiting.add(number)
            return False
        cls.arrived.add(number)
        return True


class Mailbox(socketserver.StreamRequestHandler):
    """Takes the messages that mail servers relay to this host."""

    def handle(self) -> None:
        self._say("220 client")
        numbers: list[int] = []
        while line := self.rfile.readline().decode().strip():
            command = line[:4].upper()
            if command == "RCPT":
                numbers.append(int(line.partition("load-")[2].partition("@")[0]))
                self._say("250 Ok")
            elif command == "DATA":
                self._say("354 Go on")
                while self.rfile.readline().strip() != b".":
                    pass
                taken = [Smtp.take(number) for number in numbers]
                self._say("250 Ok" if all(taken) else "451 later")
                numbers = []
            else:
                self._say("221 Bye" if command == "QUIT" else "250 Ok")
                if command == "QUIT":
                    return

    def _say(self, text: str) -> None:
        self.wfile.write(f"{text}\r\n".encode())


class Mailboxes(socketserver.ThreadingTCPServer):
    """Takes messages from several mail servers at once."""

    daemon_threads = True
    allow_reuse_address = True


PROTOCOLS: dict[str, Callable[[str], Connection]] = {
    "mysql": Mysql,
    "postgresql": Postgresql,
    "amqp": Amqp,
    "page": Page,
    "etcd": Etcd,
    "memcached": Memcached,
    "dns": Dns,
    "ntp": Ntp,
    "smtp": Smtp,
    "zookeeper": ZooKeeper,
    "ldap": Ldap,
    "redis": Redis,
    "northbound": Northbound,
    "hypervisor": Hypervisor,
    "openflow": OpenFlow,
    "screen": Screen,
}
KEEP_NOTHING = ("page", "memcached", "dns", "ntp", "hypervisor", "openflow", "screen")
"""Protocols without rows that could be lost."""


def by_udp(node: str, port: int, asked: bytes) -> bytes:
    """Ask over UDP, and give the answer."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as connection:
        connection.settimeout(ATTEMPT_SECONDS)
        connection.connect((node, port))
        connection.send(asked)
        return connection.recv(4096)


def text64(text: str) -> str:
    """Encode a text as etcd's gateway wants it."""
    return base64.b64encode(text.encode()).decode()


class Tally:
    """All numbers of a client, by all of its workers."""

    def __init__(self, now: float) -> None:
        self._lock = threading.Lock()
        self._last_success = now
        self.sent = 0
        self.again = 0
        self.slowest = 0.0
        self.without = 0.0
        self.confirmed: set[int] = set()
        self.failures: list[str] = []
        self.reasons: dict[str, int] = {}

    def number(self) -> int:
        """Begin an operation, and give its number."""
        with self._lock:
            self.sent += 1
            return self.sent

    def sent_again(self, reason: str) -> None:
        """Note that a node did not answer and why."""
        with self._lock:
            self.again += 1
            self.reasons[reason] = self.reasons.get(reason, 0) + 1

    def succeeded(self, number: int, begin: float, now: float) -> None:
        """Note a success; where it is the first for long, the service was down since the last one."""
        with self._lock:
            self.confirmed.add(number)
            self.slowest = max(self.slowest, now - begin)
            gap = now - self._last_success
            if gap > GAP_SECONDS:
                self.without += gap
            self._last_success = now

    def failed(self, reason: str) -> None:
        """Note that no node has answered."""
        with self._lock:
            self.failures.append(reason)

    def numbers(self, now: float) -> dict[str, Any]:
        """Give them as data; what goes on without a success counts already."""
        with self._lock:
            gap = now - self._last_success
            return {
                "sent": self.sent,
                "confirmed": len(self.confirmed),
                "again": self.again,
                "failed": len(self.failures),
                "without": round(self.without + (gap if gap > GAP_SECONDS else 0.0), 1),
                "slowest": round(self.slowest, 2),
                "failures": self.failures[-5:],
                "reasons": self.reasons,
            }


class Worker:
    """Does one operation after the other, on one node after the other."""

    def __init__(
        self, connect: Callable[[str], Connection], nodes: list[str], first: int, tally: Tally
    ) -> None:
        self._connect = connect
        self._nodes = nodes
        self._turn = first
        self._tally = tally
        self._open: dict[str, Connection] = {}
        self._away: dict[str, float] = {}

    def candidates(self, now: float) -> list[str]:
        """Give the nodes, the next one first; those that did not answer a moment ago come last."""
        turn = self._turn % len(self._nodes)
        turned = [*self._nodes[turn:], *self._nodes[:turn]]
        return sorted(turned, key=lambda node: self._away.get(node, 0.0) > now)

    def operate(self, clock: Callable[[], float], sleep: Callable[[float], None]) -> None:
        """Do one operation, until a node has answered or the time is over."""
        number, begin, reason = self._tally.number(), clock(), ""
        self._turn += 1
        while clock() - begin < OPERATION_SECONDS:
            for node in self.candidates(clock()):
                try:
                    if node not in self._open:
                        self._open[node] = self._connect(node)
                    self._open[node].write(number)
                except Exception as exc:  # each library has its own, and any of them means: ask another node
                    reason = f"{node}: {type(exc).__name__}: {str(exc)[:120]}"
                    self._give_up(node, clock())
                    self._tally.sent_again(f"{node}: {type(exc).__name__}")
                    continue
                self._tally.succeeded(number, begin, clock())
                return
            sleep(0.1)
        self._tally.failed(reason)

    def _give_up(self, node: str, now: float) -> None:
        self._away[node] = now + AWAY_SECONDS
        if connection := self._open.pop(node, None):
            with suppress(Exception):  # it is broken anyway
                connection.close()

    def close(self) -> None:
        """End all connections."""
        for node in list(self._open):
            self._give_up(node, 0.0)


def work(worker: Worker, stop: threading.Event) -> None:
    """Let a worker operate at its rate until it is told to stop."""
    tick = time.monotonic()
    while not stop.is_set():
        worker.operate(time.monotonic, time.sleep)
        tick = max(tick + 1 / RATE, time.monotonic() - 1.0)
        stop.wait(max(0.0, tick - time.monotonic()))
    worker.close()


def lost(confirmed: Iterable[int], connect: Callable[[str], Connection], nodes: list[str]) -> dict[str, int]:
    """Count for each node the rows that were confirmed and are not there."""
    wanted = set(confirmed)
    missing = {}
    for node in nodes:
        connection = connect(node)
        missing[node] = len(wanted - connection.found())
        connection.close()
    return missing


def write(file: Path, numbers: dict[str, Any]) -> None:
    """Write the numbers, so that a reader finds all of them or the older ones."""
    fresh = file.with_suffix(".new")
    fresh.write_text(json.dumps(numbers), encoding="utf-8")
    fresh.replace(file)


def parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("protocol", choices=PROTOCOLS)
    parser.add_argument("nodes", nargs="+", metavar="NODE")
    parser.add_argument("--numbers", type=Path, required=True, metavar="FILE")
    return parser.parse_args(arguments)


def main(arguments: list[str]) -> None:
    options = parse(arguments)
    connect, stop = PROTOCOLS[options.protocol], threading.Event()
    signal.signal(signal.SIGTERM, lambda *_signal: stop.set())
    tally = Tally(time.monotonic())
    if options.protocol == "smtp":
        threading.Thread(target=Mailboxes(("", Smtp.PORT), Mailbox).serve_forever, daemon=True).start()
    workers = [Worker(connect, options.nodes, number, tally) for number in range(WORKERS)]
    threads = [threading.Thread(target=work, args=(worker, stop), daemon=True) for worker in workers]
    for thread in threads:
        thread.start()
    while not stop.wait(0.5):
        write(options.numbers, tally.numbers(time.monotonic()))
    for thread in threads:
        thread.join(OPERATION_SECONDS + ATTEMPT_SECONDS)
    numbers = tally.numbers(time.monotonic())
    has_rows = options.protocol not in KEEP_NOTHING
    one_for_all = options.protocol in ("amqp", "smtp")  # of the queue, or of what has arrived
    nodes = options.nodes[:1] if one_for_all else options.nodes
    missing = lost(tally.confirmed, connect, nodes) if has_rows else None
    write(options.numbers, {**numbers, "lost": missing, "ended": True})


if __name__ == "__main__":
    main(sys.argv[1:])
