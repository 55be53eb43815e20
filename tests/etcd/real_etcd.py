"""Real etcd for tests: its program without installing it, and clusters on loopback that a test may hurt."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import time
from base64 import b64encode
from contextlib import ExitStack, closing, suppress
from functools import cache
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ansible_collections.orderly.services.tests.debian import ensure, unpacked

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT = Path(__file__).resolve().parents[2]
CACHE = ROOT / ".build/etcd"
START_SECONDS = 60.0


@cache
def program() -> str:
    """Find etcd, or fetch Debian's package and unpack it in the build folder: nothing is installed or started."""
    return shutil.which("etcd") or str(unpacked("etcd-server", CACHE) / "usr/bin/etcd")


def free_ports(count: int, address: str) -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _time in range(count)]
        for each in sockets:
            each.bind((address, 0))
        return [each.getsockname()[1] for each in sockets]


class Member:
    """One etcd process."""

    def __init__(
        self, name: str, folder: Path, address: str, ports: tuple[int, int], tls: Tls | None
    ) -> None:
        self.name = name
        self.folder = folder
        self.tls = tls
        self.port = ports[0]
        self.place = f"{address}:{ports[0]}"
        scheme = "https" if tls else "http"
        self.client = f"{scheme}://{self.place}"
        self.peer = f"http://{address}:{ports[1]}"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, members: Sequence[Member]) -> None:
        if self.process and self.process.poll() is None:
            return
        secrets = self.tls.server_options() if self.tls else []
        with (self.folder / f"{self.name}.log").open("ab") as log:
            self.process = subprocess.Popen(
                [
                    program(), "--name", self.name, "--data-dir", str(self.folder / self.name),
                    "--listen-client-urls", self.client, "--advertise-client-urls", self.client,
                    "--listen-peer-urls", self.peer, "--initial-advertise-peer-urls", self.peer,
                    "--initial-cluster", ",".join(f"{each.name}={each.peer}" for each in members),
                    *secrets,
                ],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env={**os.environ, "ETCD_UNSUPPORTED_ARCH": os.uname().machine.replace("aarch64", "arm64")},
            )  # fmt: skip

    def signal(self, number: int) -> None:
        if self.process:
            self.process.send_signal(number)

    def kill(self) -> None:
        self.signal(signal.SIGCONT)
        self.signal(signal.SIGKILL)
        if self.process:
            self.process.wait()


class Tls:
    """A certificate authority, and what it signed: the servers' certificate, and one of a client."""

    def __init__(self, folder: Path) -> None:
        ensure(openssl="openssl")
        self.folder = folder
        folder.mkdir()
        # Python 3.13 insists on RFC 5280, sections 4.2.1.1 and 4.2.1.3: whose key signed, and that it may sign.
        self._openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=test-ca", "-addext",
                      "keyUsage=critical,keyCertSign,cRLSign", "-keyout", "ca.key", "-out", "ca.pem")  # fmt: skip
        (folder / "extensions").write_text(
            "subjectAltName=IP:127.0.0.1,DNS:localhost\nsubjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n"
        )
        for name in ("server", "client"):
            self._openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={name}",
                          "-keyout", f"{name}.key", "-out", f"{name}.csr")  # fmt: skip
            self._openssl("x509", "-req", "-days", "2", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key",
                          "-CAcreateserial", "-extfile", "extensions", "-out", f"{name}.pem")  # fmt: skip

    def _openssl(self, *arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=self.folder, check=True, capture_output=True)

    def server_options(self) -> list[str]:
        return [
            "--cert-file", f"{self.folder}/server.pem", "--key-file", f"{self.folder}/server.key",
            "--trusted-ca-file", f"{self.folder}/ca.pem", "--client-cert-auth",
        ]  # fmt: skip

    @property
    def query(self) -> str:
        return f"?ca={self.folder}/ca.pem&cert={self.folder}/client.pem&key={self.folder}/client.key"


class Etcd:
    """A cluster of one or more members on one address, as a context; :meth:`url` gives stores of their own."""

    def __init__(self, members: int = 1, *, tls: bool = False, address: str = "127.0.0.1") -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="orderly-etcd-"))
        self.tls = Tls(self.folder / "tls") if tls else None
        ports = free_ports(2 * members, address)
        self.members = [
            Member(f"m{n}", self.folder, address, (ports[2 * n], ports[2 * n + 1]), self.tls)
            for n in range(members)
        ]

    def __enter__(self) -> Etcd:
        self.start()
        return self

    def __exit__(self, *_anything: object) -> None:
        for keeper in self.keepers():
            os.kill(keeper, signal.SIGKILL)
        for member in self.members:
            member.kill()
        shutil.rmtree(self.folder)

    def url(self, prefix: str = "orderly", *, endpoints: Sequence[Member] = ()) -> str:
        hosts = ",".join(member.place for member in endpoints or self.members)
        return f"etcd://{hosts}/{prefix}{self.tls.query if self.tls else ''}"

    def expire(self, key: str) -> None:
        """Let go of a key as etcd does when its lease has run out."""
        first = self.members[0]
        (found,) = self.ask(first, "kv/range", {"key": b64encode(key.encode()).decode()})["kvs"]
        self.ask(first, "lease/revoke", {"ID": found["lease"]})

    def keepers(self) -> list[int]:
        """Find the processes that keep runs in a store of this cluster."""
        places = {member.place for member in self.members}
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                words = (process / "cmdline").read_text(errors="replace").split("\0")
                if "plugins.plugin_utils._run.heartbeat" in words and any(
                    place in word for place in places for word in words
                ):
                    found.append(int(process.name))
        return found

    def start(self) -> None:
        """Start the members that are not running, and wait until the cluster has a leader."""
        for member in self.members:
            member.start(self.members)
        end = time.monotonic() + START_SECONDS
        while not self.leader():
            if time.monotonic() > end:
                log = (self.folder / "m0.log").read_text(errors="replace")
                raise RuntimeError(f"etcd did not start:\n{log[-3000:]}")
            time.sleep(0.05)

    def leader(self) -> Member | None:
        """Ask who leads, of a member that answers."""
        for member in self.members:
            with suppress(OSError, HTTPException, ValueError, KeyError):
                status = self.ask(member, "maintenance/status")
                if status["leader"] == status["header"]["member_id"]:
                    return member
        return None

    def ask(self, member: Member, path: str, body: dict[str, Any] | None = None) -> Any:
        """Ask one member through the gateway, as any program may."""
        if self.tls:
            context = ssl.create_default_context(cafile=f"{self.tls.folder}/ca.pem")
            context.load_cert_chain(f"{self.tls.folder}/client.pem", f"{self.tls.folder}/client.key")
            connection: HTTPConnection = HTTPSConnection(member.place, timeout=5, context=context)
        else:
            connection = HTTPConnection(member.place, timeout=5)
        with closing(connection):
            connection.request("POST", f"/v3/{path}", json.dumps(body or {}))
            return json.loads(connection.getresponse().read())
