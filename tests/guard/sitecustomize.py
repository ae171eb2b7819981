"""Keep this Python process on this machine: connections beyond loopback fail, and no name is looked up.

Tests put this folder on ``PYTHONPATH``, so that every Python that they start loads it, whatever it runs; the root conftest calls `install`
in the process of the tests. It needs nothing but the interpreter, and loads the ``sitecustomize`` that it hides. What is not Python (a
browser, a command line client), and code that opens sockets beneath Python's, are out of its reach.
"""

from __future__ import annotations

import sys
from importlib.machinery import PathFinder

HOSTS = frozenset({"localhost", "::1", "::ffff:127.0.0.1", "", "::", "0.0.0.0"})
"""Besides 127.0.0.0/8: this machine under its other names, unspecified addresses included."""
CONNECTING = frozenset({"socket.connect", "socket.sendto", "socket.sendmsg"})
RESOLVING = frozenset({"socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr"})


class Guard:
    """Refuses what leaves the machine, for as long as it is ``active``."""

    def __init__(self) -> None:
        self.active = True

    def __call__(self, event: str, arguments: tuple[object, ...]) -> None:
        """Look at what Python is about to do (an audit hook: no import, patch or subclass gets around it)."""
        if not self.active or not event.startswith("socket."):
            return
        if event in CONNECTING:
            address = arguments[1]
            if isinstance(address, tuple) and address and isinstance(address[0], str) and not is_here(address[0]):
                raise AssertionError(f"a test reached for the network: {address}")
        elif event in RESOLVING:
            host = arguments[0].decode("idna") if isinstance(arguments[0], bytes) else arguments[0]
            if isinstance(host, str) and not is_here(host) and not is_address(host):
                # As for a name that does not exist: code under test has an answer to that, and no server is asked.
                raise sys.modules["_socket"].gaierror(-2, f"a test reached for the network: {host} is not looked up")


def is_here(host: str) -> bool:
    """Tell whether the host is this machine."""
    return host in HOSTS or host.endswith(".localhost") or (host.startswith("127.") and is_address(host)) or host == _own_name()


def is_address(host: str) -> bool:
    """Tell whether the host is an IP address already, so that nobody need be asked for it."""
    return ":" in host or (host.count(".") == 3 and host.replace(".", "").isdigit())


def _own_name() -> object:
    return sys.modules["_socket"].gethostname()


def install() -> Guard:
    """Put this process under guard, for good; ``active`` of the result may be turned off and on."""
    guard = Guard()
    sys.addaudithook(guard)
    return guard


def _load_hidden() -> None:
    here = __file__.rpartition("/")[0]
    spec = PathFinder.find_spec("sitecustomize", [entry for entry in sys.path if entry.rstrip("/") != here])
    if spec is not None and spec.loader is not None:
        from importlib.util import module_from_spec

        spec.loader.exec_module(module_from_spec(spec))


if __name__ == "sitecustomize":
    install()
    _load_hidden()
