"""What hosts answered before a roll or a recovery, each about itself alone, and why others count as silent."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .._common.answers import misfit, outsized, why_failed
from .._common.text import listed, printable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from .._common.answers import Shape

    Answer = Mapping[str, Any]

PENDING: Shape = {"pending": [{"unit": str, "along": [str]}]}
"""Of ``deferred_restarts_info``."""
BOOT: Shape = {"required": bool, "is_controller": bool, "why": [str]}
"""Of ``reboot_info``."""
DRAINED: Shape = {"services": [str]}
"""Of ``drained_services``."""
TEMPORARY: Shape = {"temporary_changes": [{"service": str, "name": str, "campaign": str}]}
"""Of ``temporary_changes``."""

MEMBERS: Shape = {
    "members": [{"unit": str, "word": str, "says": str, "refusal": str, "along": [str]}],
    "machine": str,
}
"""Of ``member_units``."""

NO_ANSWER = "did not answer"

DOWN, STOPPED, OFF, MASKED, PAUSED = "down", "stopped", "off", "masked", "paused"
_WHY_LEFT = {
    STOPPED: "somebody stopped it",
    OFF: "it does not start with the host",
    MASKED: "it is masked",
    PAUSED: "it is paused, and resume_services brings it back",
}


@dataclass(frozen=True)
class Unit:
    """A unit of a service on a host, as ``member_units`` tells it."""

    name: str
    word: str
    says: str
    refusal: str = ""
    along: tuple[str, ...] = ()

    @property
    def is_down(self) -> bool:
        """Tell whether its service has one host less because of it."""
        return self.word in (DOWN, STOPPED)

    @property
    def is_left(self) -> str:
        """Say why it is not started, though it does not run; empty where nobody wanted that."""
        return _WHY_LEFT.get(self.word, "")

    def __str__(self) -> str:
        return f"{self.name} is {self.says}"


def read_members(answers: Mapping[str, Answer]) -> dict[str, dict[str, Unit]]:
    """Read how the units of hosts are."""
    return {
        host: {each["unit"]: _read_unit(each) for each in answer["members"]}
        for host, answer in answers.items()
    }


def _read_unit(told: Answer) -> Unit:
    name, word, says, refusal = (printable(told[key], 300) for key in ("unit", "word", "says", "refusal"))
    return Unit(name, word, says, refusal, tuple(told["along"]))


def read_machines(answers: Mapping[str, Answer]) -> dict[str, str]:
    """Read the mark of the machine that answered for each host."""
    return {host: answer["machine"] for host, answer in answers.items()}


@dataclass(frozen=True)
class Survey:
    """The answers of hosts, and of each other host why it has none, as what follows its name in a sentence."""

    answers: Mapping[str, Answer]
    silent: Mapping[str, str] = field(default_factory=dict)


def read_survey(answers: Mapping[str, Any], shape: Shape, claims: Mapping[str, Sequence[str]]) -> Survey:
    """Keep the answers that can be read; a host that *claims* variables of ours is not believed anything else."""
    silent = {
        host: why for host, answer in answers.items() if (why := _fault(answer, shape, claims.get(host, ())))
    }
    return Survey({host: answer for host, answer in answers.items() if host not in silent}, silent)


def _fault(answer: Any, shape: Shape, claimed: Sequence[str]) -> str:
    if claimed:
        names = listed([printable(name) for name in claimed])
        return f"answered with facts of names that are not a host's to set ({names})"
    if not isinstance(answer, dict) or answer.get("unreachable") or answer.get("skipped"):
        return NO_ANSWER
    if answer.get("failed"):
        return f"could not be queried ({printable(why_failed(answer, 'it failed'), 300)})"
    odd = outsized(answer) or misfit(answer, shape)
    return f"gave an answer that cannot be read ({odd})" if odd else ""


@dataclass(frozen=True)
class Boots:
    """Which hosts boot, why, and which one cannot, as the run itself works there."""

    due: tuple[str, ...]
    lines: tuple[str, ...]


def read_boots(answers: Mapping[str, Answer], *, everything: bool) -> Boots:
    """Decide which of the hosts that answered boot: those that need to, or all."""
    wanted = {host: answer for host, answer in answers.items() if everything or answer["required"]}
    why = {
        host: printable("; ".join(answer["why"]), 1000) for host, answer in wanted.items() if answer["why"]
    }
    here = [host for host, answer in wanted.items() if answer["is_controller"]]
    return Boots(
        tuple(host for host in wanted if host not in here),
        (
            *(f"{host} needs to boot: {reason}" for host, reason in why.items()),
            *(
                f"{host} is not booted, as ansible-playbook runs there: boot it by hand, or run this from elsewhere."
                for host in here
            ),
        ),
    )
