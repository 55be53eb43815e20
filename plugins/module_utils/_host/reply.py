# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a daemon answers on its port: proof that it works; an open port only says that it listens."""

from __future__ import annotations

import re
import socket
import time
from typing import TYPE_CHECKING, Callable

from .errors import HostError

if TYPE_CHECKING:
    from typing import Pattern

MOST_BYTES = 65536
"""How much of an answer is read; what is expected has to be among it."""
_SHOWN = 200


def ask(
    address: tuple[str, int],
    send: bytes,
    expected: Pattern[str],
    seconds: float,
    clock: Callable[[], float] = time.monotonic,
) -> str:
    """Connect, send these bytes, and give what is answered as soon as that is what is expected.

    :raises HostError: where nothing listens, where the answer is another one, and after so many *seconds*
    """
    place, end = f"{address[0]}:{address[1]}", clock() + seconds
    said, wanted = b"", repr(expected.pattern)
    try:
        with socket.create_connection(address, seconds) as connection:
            connection.sendall(send)
            while len(said) < MOST_BYTES:
                connection.settimeout(max(end - clock(), 0.001))
                got = connection.recv(4096)
                said += got
                text = said.decode(errors="replace")
                if re.search(expected, text):
                    return text
                if not got:
                    break
    except socket.timeout:
        raise HostError(
            f"{place} {_answered(said)} within {seconds:g} s, expected an answer that matches {wanted}"
        ) from None
    except OSError as exc:
        raise HostError(
            f"{place} does not answer: {exc.strerror or exc}; expected an answer that matches {wanted}"
        ) from None
    raise HostError(f"{place} {_answered(said)} and no more, expected an answer that matches {wanted}")


def _answered(said: bytes) -> str:
    text = said.decode(errors="replace")
    return f"answered {text[:_SHOWN]!r}" if said else "answered nothing"
