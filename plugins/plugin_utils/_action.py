"""Two frames for actions: what a task says goes in, a result or one clear sentence comes out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ansible.errors import AnsibleActionFail, AnsibleConnectionFailure, AnsibleError
from ansible.parsing.mod_args import ModuleArgsParser
from ansible.plugins.action import ActionBase
from ansible.template import Templar
from ansible.utils.display import Display

from ._common.answers import without_root, words_of
from ._common.errors import ControllerError
from ._common.shell import without
from ._common.text import listed, printable, readable
from ._inventory.extra_vars import counts_from_e_alone, extra_variable
from ._inventory.parameters import is_parameter
from ._inventory.trusted import claims, without_facts
from ._last_words import leave
from ._service.catalogue import override_names
from ._store.etcd_client import warning
from ._store.store import default_url

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from ansible.playbook.task import Task

Result = dict[str, Any]

# What a result makes Ansible's strategies do on the controller, which up to ansible-core 2.18 ends the whole run where
# it has not the form that they expect; no module of ours answers with any of it.
STEERING = frozenset(("add_group", "add_host", "ansible_stats", "results"))

display = Display()


class Action(ActionBase):
    """An action of ours; what it does is :meth:`act`."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._store_warnings: list[str] = []
        self._answered: Mapping[str, Any] = {}
        self._trusting: Templar = self._templar

    def run(self, tmp: str | None = None, task_vars: Mapping[str, Any] | None = None) -> Result:
        super().run(tmp, task_vars)
        self._answered = task_vars or {}
        trusted = without_facts(self._answered, self._task)
        self._trusting = Templar(loader=self._loader, variables=trusted)
        try:
            done = self.act(trusted)
        except ControllerError as exc:  # not as its cause, which ansible-core 2.19 would print a second time
            self._leave(str(exc))
            failure = AnsibleActionFail(str(exc), result=self._warned(exc.details))
            failure.result.pop(
                "exception", None
            )  # ansible-core up to 2.18 would print it beside the sentence
            raise failure from None
        if done.get("failed") and done.get("msg"):
            self._leave(str(done["msg"]))
        return self._warned(done)

    _speaks_for_host = False
    """Whether it tells of its host alone, so that its sentences need not name it."""

    def _leave(self, why: str) -> None:
        """Have it said last why this failed, unless somebody expects that."""
        if not _goes_on(self._task):
            host = str(self._answered.get("inventory_hostname", "")) if self._speaks_for_host else ""
            leave(readable(why), host)

    def _warned(self, done: Result) -> Result:
        # As part of the result, for Ansible says the same warning of a run once, and a worker would say it each time.
        return (
            {**done, "warnings": [*done.get("warnings", []), *self._store_warnings]}
            if self._store_warnings
            else done
        )

    def act(self, variables: Mapping[str, Any]) -> Result:
        """Do it, with variables that no host has a say in; what it cannot do is a :class:`ControllerError`."""
        raise NotImplementedError

    def templated(self, variables: Mapping[str, Any], name: str) -> Any:
        """Give the value of a variable, or nothing where it is not set."""
        return self._trusting.template(variables.get(name))


def _goes_on(task: Task) -> bool:
    """Tell whether the playbook takes a failure of a task for no failure, or tries it again."""
    blocks = []
    parent = task._parent  # noqa: SLF001 - there is no public way up
    while parent is not None:
        blocks.append(parent)
        parent = parent._parent  # noqa: SLF001 - there is no public way up
    is_rescued = any(getattr(block, "rescue", None) for block in blocks)
    return bool(task.ignore_errors or task.failed_when or task.until or is_rescued)


class HostAction(Action):
    """An action that runs the module of its name on its host, with the options that :meth:`complete` gives.

    Modules with nothing to complete have one too, for what their hosts answer.
    """

    _supports_async = True
    _speaks_for_host = True

    def act(self, variables: Mapping[str, Any]) -> Result:
        arguments = self.complete(self._task.args, variables)
        try:
            done = self._execute_module(
                module_args=arguments,
                task_vars=self._answered,  # the connection needs what the host said of itself
                wrap_async=self._task.async_val,
            )
        except AnsibleConnectionFailure:
            raise
        except (
            AnsibleError
        ) as exc:  # a password that is missing, say: the host was reached, and did not answer
            raise ControllerError(without_root(str(exc), self._becomes)) from None
        except Exception as exc:  # Ansible reads an answer in many places, and checks it in few
            raise ControllerError(
                f"Ansible could not read the answer of this host ({printable(str(exc))}). Look "
                "at what its Python and its shell print, and find out why."
            ) from None
        if done.get("failed") and (said := words_of(done.get("module_stderr"))):
            done["msg"] = without_root(said, self._becomes)
        # Of a delegated task they would become facts of the host that delegates it.
        ignored = STEERING | {"ansible_facts"} if self._task.delegate_to else STEERING
        return {key: value for key, value in done.items() if key not in ignored}

    @property
    def _becomes(self) -> str:
        """Name the way in which the task becomes root on its host; an empty text where it does not."""
        become = getattr(self._connection, "become", None)
        return str(become.name) if become else ""

    # Unused here: variables are for the actions that override it.
    def complete(self, given: Mapping[str, Any], variables: Mapping[str, Any]) -> dict[str, Any]:  # noqa: ARG002
        """Give the options of the module: those of the task, and what only the controller knows."""
        return dict(given)


class ControllerAction(Action):
    """An action that sends no module to its host."""

    TRANSFERS_FILES = False
    _requires_connection = False

    def options(
        self, *, required_if: Sequence[tuple[str, str, Sequence[str]]] = (), **spec: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Give the options of the task, checked against an argument spec; no host has a say in their values."""
        self._task.args.update(self._trusted_arguments())
        _validation, options = self.validate_argument_spec(spec, required_if=required_if)
        given: dict[str, Any] = options
        return given

    def _trusted_arguments(self) -> dict[str, Any]:
        """Template what the task says once more: Ansible did it with what hosts have answered."""
        _action, raw, _where = ModuleArgsParser(self._task.get_ds()).parse(skip_action_validation=True)
        given = {
            name: self._trusting.template(value) for name, value in raw.items() if name in self._task.args
        }
        return {name: value for name, value in given.items() if value != self._answered.get("omit")}

    def claims(self, hosts: Iterable[str], services: Iterable[str] = ()) -> dict[str, list[str]]:
        """Name the variables of ours that hosts have answered as facts of their own, by host."""
        overrides = {name for service in services for name in override_names(service)}
        return claims(self._answered, hosts, lambda name: is_parameter(name) or name in overrides)

    def refuse_claims(self, what: str, hosts: Iterable[str], services: Iterable[str] = ()) -> None:
        """Refuse to do something with a host that claims variables of ours; raises :class:`ControllerError`."""
        for host, names in self.claims(hosts, services).items():
            named = listed([printable(name) for name in names])
            raise ControllerError(
                f"{what} is refused: {host} answered with facts of names that are not a host's to set ({named}). None "
                "of them is believed. Find out why it does that, and run without it until then "
                f"({without([host])}); if only the fact cache remembers them, add --flush-cache."
            )

    def from_command_line(self, variables: Mapping[str, Any], name: str) -> Any:
        """Give the value that ``-e`` gives to a variable, or nothing; one from elsewhere is ignored, with a warning."""
        given = extra_variable(self._loader, name)
        if given is None and variables.get(name):
            display.warning(counts_from_e_alone(name))
        return self._trusting.template(given)

    def store_url(self, options: Mapping[str, Any], variables: Mapping[str, Any]) -> str:
        """Say which store is meant: the option, the variable ``orderly_store``, or the default."""
        url = str(options["store"] or self.templated(variables, "orderly_store") or default_url())
        if words := warning(url):
            self._store_warnings.append(words)
        return url
