"""Core: where packages come from. Reads apt's two formats, finds the Debian archive, writes deb822."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_ONE_LINE = re.compile(
    r"deb\s+(?:\[(?P<options>[^\]]*)\]\s+)?(?P<uri>\S+)\s+(?P<suite>\S+)\s*(?P<components>.*)"
)
_LONG_NAMES = {"arch": "Architectures", "signed-by": "Signed-By", "trusted": "Trusted", "lang": "Languages"}
_STANZA_KEYS = {"types", "uris", "suites", "components", "enabled"}
_NO = {"no", "false", "without", "off", "disable"}

# What apt in a host must know to reach the archive as this machine does.
_CARRIED = re.compile(
    r'^(Acquire::(?:https?(?:::.+)?::(?:Proxy|CaInfo|Verify-\w+)(?:::.+)?|Check-[\w-]+|ForceIPv[46])) "(.*)";$'
)


@dataclass(frozen=True)
class Source:
    """One stanza of a .sources file, or one line of a .list file."""

    uris: tuple[str, ...]
    suites: tuple[str, ...]
    components: tuple[str, ...]
    options: tuple[tuple[str, str], ...] = ()

    @property
    def keyrings(self) -> tuple[str, ...]:
        """The keyring files that the archive's signature is checked with, if any are named."""
        named = (value for key, value in self.options if key.lower() == "signed-by")
        return tuple(path for value in named for path in value.split() if path.startswith("/"))

    @property
    def mirror_lists(self) -> tuple[str, ...]:
        """The files that list its mirrors, where it says so, as cloud images do."""
        return tuple(uri.removeprefix("mirror+file:") for uri in self.uris if uri.startswith("mirror+file:/"))


def parse(text: str, *, deb822: bool) -> list[Source]:
    """Read the enabled binary sources of one file."""
    return list(_parse_deb822(text) if deb822 else _parse_list(text))


def debian_archive(sources: Iterable[Source], release: str) -> list[Source]:
    """Of the sources of a machine with this release: the Debian archive itself, no third party's."""
    return [source for source in sources if _is_debian(source, release)]


def offered(sources: Iterable[Source], suite: str) -> list[Source]:
    """What these sources offer of exactly this suite."""
    return [replace(source, suites=(suite,)) for source in sources if suite in source.suites]


def renamed(sources: Iterable[Source], old: str, new: str) -> list[Source]:
    """The same archive, another release: bookworm-security becomes trixie-security."""
    return [
        replace(source, suites=tuple(re.sub(rf"^{old}(?=$|-)", new, suite) for suite in source.suites))
        for source in sources
    ]


def render(sources: Iterable[Source]) -> str:
    """Write as a .sources file."""
    return "\n".join(_stanza(source) for source in sources)


def carried_options(apt_config: str) -> dict[str, str]:
    """From `apt-config dump`: the options without which hosts might not reach the archive."""
    matches = (_CARRIED.match(line) for line in apt_config.splitlines())
    return {match[1]: match[2] for match in matches if match and match[2]}


def proxy_options(environ: Mapping[str, str]) -> str:
    """Lines of apt configuration for what the environment says of proxies; a name in no_proxy is reached directly."""
    lines = []
    for scheme in ("http", "https"):
        if proxy := environ.get(f"{scheme}_proxy"):
            direct = [
                name.strip().lstrip(".") for name in environ.get("no_proxy", "").split(",") if name.strip()
            ]
            lines.append(f'Acquire::{scheme}::Proxy "{proxy}";\n')
            lines += [f'Acquire::{scheme}::Proxy::{name} "DIRECT";\n' for name in direct if name != "*"]
    return "".join(lines)


def seen_from_a_host(value: str) -> str:
    """Name a proxy on this machine's loopback as hosts know this machine."""
    loopback = r"^(https?://)(localhost|127\.\d+\.\d+\.\d+|\[::1\])(?=[:/]|$)"
    return re.sub(loopback, r"\1host.containers.internal", value)


def _stanza(source: Source) -> str:
    fields = [
        ("Types", "deb"),
        ("URIs", " ".join(source.uris)),
        ("Suites", " ".join(source.suites)),
        ("Components", " ".join(source.components)),
        *source.options,
    ]
    return "".join(f"{key}: {value}\n" for key, value in fields)


def _is_debian(source: Source, release: str) -> bool:
    ours = {release, f"{release}-security"} & set(source.suites)
    signed = any("debian-archive" in keyring for keyring in source.keyrings)
    placed = any(re.search(r"/debian(-security)?(\.list)?(/|$)", uri) for uri in source.uris)
    reachable = all(re.match(r"https?:|mirror\+file:", uri) for uri in source.uris)
    return bool(ours) and "main" in source.components and (signed or placed) and reachable


def _parse_list(text: str) -> Iterable[Source]:
    for line in text.splitlines():
        match = _ONE_LINE.fullmatch(line.split("#", 1)[0].strip())
        if match:
            options = (option.partition("=")[::2] for option in (match["options"] or "").split())
            yield Source(
                uris=(match["uri"],),
                suites=(match["suite"],),
                components=tuple(match["components"].split()),
                options=tuple((_LONG_NAMES.get(key, key), _list_value(value)) for key, value in options),
            )


def _list_value(value: str) -> str:
    return value.strip('"').replace(",", " ")


def _parse_deb822(text: str) -> Iterable[Source]:
    visible = "\n".join(line for line in text.splitlines() if not line.startswith("#"))
    for stanza in re.split(r"\n\s*\n", visible):
        fields = dict(_fields(stanza))
        lower = {key.lower(): value for key, value in fields.items()}
        if "deb" in lower.get("types", "").split() and lower.get("enabled", "yes").lower() not in _NO:
            yield Source(
                uris=tuple(lower.get("uris", "").split()),
                suites=tuple(lower.get("suites", "").split()),
                components=tuple(lower.get("components", "").split()),
                options=tuple(field for field in fields.items() if field[0].lower() not in _STANZA_KEYS),
            )


def _fields(stanza: str) -> Iterable[tuple[str, str]]:
    """Pair each key with its value, with continuation lines as they are (a whole key may be in Signed-By)."""
    for match in re.finditer(r"^([A-Za-z0-9-]+):[ \t]*(.*(?:\n[ \t].*)*)", stanza, re.MULTILINE):
        yield match[1], match[2].strip()
