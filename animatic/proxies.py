"""Decides which services are asked through a proxy, and says which variable sends them there.

The proxy variables are read by five libraries, each in its own way: one stumbles over ``NO_PROXY=[::1]``, another does not know
``ALL_PROXY``, none reads address ranges. `prepare` rewrites them once, at the start of a process, to what all of them read alike: services
on this machine are asked directly, whoever is named by ``NO_PROXY`` as well, the others through the proxy. Processes that are started
inherit it. Imports no library: every verb waits for this module.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable, Mapping, MutableMapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from urllib.parse import urlsplit

from animatic.errors import UsageError
from animatic.redact import bare_url

LOOPBACK = ("127.0.0.1", "localhost", "::1")
PARKED = "ANIMATIC_UNUSABLE_PROXIES"
"""Holds the variables that name no proxy that can be used, a line each: left where they were, libraries would fail at their sight."""
SERVICES = ("KREA_API_URL", "PREFECT_API_URL", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "ANIMATIC_SIMULATOR_URL", "ANIMATIC_WEBHOOK_URL")
"""Variables that name a service, whose host may be on this machine under another name."""
_INSIDE = (".local", ".internal", ".lan", ".intranet")
"""Ends of host names that nobody outside can look up."""
_ON_A_MAC = sys.platform == "darwin"
_SCHEMES = ("http", "https", "all")
_PORTS = {"http": 80, "https": 443}
_PORT = re.compile(r"[0-9]{1,5}")
_ADDRESS = re.compile(r"[!-Z\]^-~\[]+")
"""Printable ASCII without blanks and backslashes."""
_NAME = re.compile(r"[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?")


@dataclass(frozen=True, kw_only=True, slots=True)
class Proxy:
    """A proxy, and the variable that names it. ``problem`` says why it cannot be used, None if it can."""

    variable: str
    address: str
    problem: str | None = None

    def __str__(self) -> str:
        """Return the address without user name and password."""
        return bare_url(self.address)


def prepare(environment: MutableMapping[str, str] | None = None) -> None:
    """Rewrite the proxy variables so that every library asks services of this machine directly. Doing it again changes nothing."""
    env = os.environ if environment is None else environment
    _take_over_system(env)
    for scheme in _SCHEMES:
        for name in (f"{scheme}_proxy", f"{scheme.upper()}_PROXY"):
            if env.get(name) and (problem := _problem(env[name])):
                env[PARKED] = "\n".join(filter(None, (env.get(PARKED), f"{name} {problem} {env.pop(name)}")))
    proxies = {scheme: proxy for scheme in _SCHEMES if (proxy := _chosen(env, scheme)) is not None}
    if not proxies:
        return
    for scheme in ("http", "https"):
        if (proxy := proxies.get(scheme) or proxies.get("all")) and proxy.problem is None:
            env[f"{scheme}_proxy"] = env[f"{scheme.upper()}_PROXY"] = proxy.address
    env["no_proxy"] = env["NO_PROXY"] = ",".join(_direct(env))


def proxy_for(url: str, environment: Mapping[str, str] | None = None) -> Proxy | None:
    """Return the proxy through which that address is asked, usable or not; None if it is asked directly."""
    env = os.environ if environment is None else environment
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or _PORTS.get(parts.scheme, 0)
    if is_loopback(host) or _is_excluded(host, port, _entries(env)):
        return None
    own, fallback = _chosen(env, parts.scheme), _chosen(env, "all")
    # `prepare` writes what ALL_PROXY holds into the others, too: named is what the user has set.
    return fallback if own is None or (fallback is not None and own.address == fallback.address) else own


def require_usable(url: str) -> None:
    """Raise UsageError, which names the variable, where the proxy for that address cannot be used."""
    proxy = proxy_for(url)
    if proxy is not None and proxy.problem is not None:
        host = urlsplit(url).hostname
        raise UsageError(
            f"{host} would be asked through {proxy.variable}, which {proxy.problem}: {proxy}",
            hint=f"set {proxy.variable} to an HTTP proxy (http://host:port), unset it, or add {host} to NO_PROXY",
            code="proxy",
        )


def advised(hint: str, url: str) -> str:
    """Return the hint for an address that does not answer, after the proxy that stands before it, where one does."""
    proxy = proxy_for(url)
    if proxy is None:
        return hint
    host = urlsplit(url).hostname
    return f"{proxy.variable} sends requests to {host} through {proxy}: see that it lets them pass, or add {host} to NO_PROXY; {hint}"


def is_loopback(host: str) -> bool:
    """Whether a host, by its name or address, is this machine."""
    address = _address(host)
    return host == "localhost" or host.endswith(".localhost") if address is None else address.is_loopback


def is_inside(host: str) -> bool:
    """Whether a host, by its name or address, is this machine or one of a network that is not public."""
    address = _address(host)
    return is_loopback(host) or (host.endswith(_INSIDE) if address is None else not address.is_global)


@dataclass(frozen=True, slots=True)
class _Rule:
    """What an entry of NO_PROXY says: a host name with all below it, an address, or a range of addresses; and a port, 0 for any."""

    host: str
    port: int = 0

    def covers(self, host: str, port: int) -> bool:
        if self.port and self.port != port:
            return False
        if "/" in self.host:
            network, address = ip_network(self.host, strict=False), _address(host)
            return address is not None and address in network
        return host == self.host or host.endswith(f".{self.host}")

    @property
    def is_common(self) -> bool:
        """Whether all libraries can read it: over a range or a port of IPv6 one of them stumbles."""
        return ":" not in self.host or not (self.port or "/" in self.host)

    def __str__(self) -> str:
        """As all libraries read it, if they do."""
        return f"{self.host}:{self.port}" if self.port else self.host


def _take_over_system(env: MutableMapping[str, str]) -> None:
    """Write the proxies of macOS's settings into the variables: with any variable set, Python does not look at the settings."""
    if not _ON_A_MAC or any(_chosen(env, scheme) for scheme in _SCHEMES):
        return
    from urllib.request import getproxies  # noqa: PLC0415 (slow to import, and needed there alone)

    for scheme, address in getproxies().items():
        if scheme in _SCHEMES:
            env.setdefault(f"{scheme}_proxy", address)


def _problem(text: str) -> str | None:
    """Return why a value is no proxy that can be used."""
    try:
        parts = urlsplit(_with_scheme(text))
        host = parts.hostname or ""
        scheme, usable = parts.scheme.lower(), bool(_NAME.fullmatch(host) or _address(host)) and parts.port != 0
    except ValueError:
        return "is not the address of a proxy"
    if scheme.startswith("socks"):
        return "is a SOCKS proxy, which is not supported"
    return None if usable and scheme in _PORTS and _ADDRESS.fullmatch(text.strip()) else "is not the address of a proxy"


def _with_scheme(text: str) -> str:
    text = text.strip()
    return text if "://" in text else f"http://{text}"


def _chosen(env: Mapping[str, str], scheme: str) -> Proxy | None:
    """Return the proxy of a scheme, or of ``all``. The small letters win, as everywhere; set and empty they switch it off."""
    parked = dict(line.split(" ", 1) for line in env.get(PARKED, "").splitlines())
    for name in (f"{scheme}_proxy", f"{scheme.upper()}_PROXY"):
        if name in parked:
            problem, _, address = parked[name].rpartition(" ")
            return Proxy(variable=name, address=address, problem=problem)
        if name in env:
            return Proxy(variable=_named(env, scheme, name), address=_with_scheme(env[name])) if env[name].strip() else None
    return None


def _named(env: Mapping[str, str], scheme: str, name: str) -> str:
    """Return the spelling in large letters where both hold the same."""
    large = f"{scheme.upper()}_PROXY"
    return large if env.get(large) == env[name] else name


def _entries(env: Mapping[str, str]) -> tuple[str, ...]:
    """Return what ``NO_PROXY`` lists, with commas or blanks between."""
    text = env["no_proxy"] if "no_proxy" in env else env.get("NO_PROXY", "")
    return tuple(entry for entry in re.split(r"[\s,;]+", text.lower()) if entry)


def _direct(env: Mapping[str, str]) -> Iterable[str]:
    """Return what is to be asked directly, as all libraries read it."""
    entries = _entries(env)
    if "*" in entries:
        return ("*",)
    # Services in what only some libraries read are named one by one.
    rules = [str(rule) for entry in entries if (rule := _rule(entry)) and rule.is_common]
    hosts = {urlsplit(env[name]).hostname or "": urlsplit(env[name]) for name in SERVICES if _is_url(env.get(name))}
    services = [
        host for host, parts in hosts.items() if is_loopback(host) or _is_excluded(host, parts.port or _PORTS.get(parts.scheme, 0), entries)
    ]
    return dict.fromkeys((*rules, *LOOPBACK, *services))


def _is_url(text: str | None) -> bool:
    try:
        return bool(text and urlsplit(text).hostname and (urlsplit(text).port or 1))
    except ValueError:
        return False


def _rule(entry: str) -> _Rule | None:
    """Return what an entry other than ``*`` says, None if it says nothing."""
    text = entry.partition("://")[2].partition("/")[0] if "://" in entry else entry
    bare = text.strip("[]").partition("%")[0]
    try:
        return _Rule(str(ip_network(bare, strict=False)) if "/" in bare else str(ip_address(bare)))
    except ValueError:
        pass
    name, colon, port = text.rpartition(":")
    if not (colon and _PORT.fullmatch(port)):
        name, port = text, "0"
    name = name.strip("[]").removeprefix("*").removeprefix(".")
    if (address := _address(name)) is not None:
        return _Rule(str(address), int(port))
    try:
        name = name.rstrip(".").encode("idna").decode()
    except UnicodeError:
        return None
    return _Rule(name, int(port)) if _NAME.fullmatch(name) else None


def _is_excluded(host: str, port: int, entries: Iterable[str]) -> bool:
    return any(entry == "*" or ((rule := _rule(entry)) is not None and rule.covers(host, port)) for entry in entries)


def _address(host: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None
