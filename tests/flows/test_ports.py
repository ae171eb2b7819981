"""Links into the local UI and to delivered files outlive a restart: each service comes back at the port at which it was."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from animatic.cli.up import _files_port
from animatic.prefect.ports import UI, files_of, port_for, remember


@contextmanager
def taken(port: int) -> Iterator[None]:
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        listener.listen()
        yield


def test_a_service_comes_back_where_it_was(tmp_path: Path) -> None:
    first = port_for(tmp_path, UI)
    remember(tmp_path, UI, first)
    assert port_for(tmp_path, UI) == first
    assert port_for(tmp_path, UI, at_first=4200) == first, "what was counts before what is usual"
    with taken(first):
        assert port_for(tmp_path, UI) != first
    assert port_for(tmp_path, UI) == first, "free again"


def test_two_projects_have_ports_of_their_own(tmp_path: Path) -> None:
    one, other = tmp_path / "one.yaml", tmp_path / "other.yaml"
    with _files_port(tmp_path, one, 0) as listener:
        first = listener.getsockname()[1]
    for _ in range(3):
        with _files_port(tmp_path, other, 0) as listener:
            assert listener.getsockname()[1] != first, "links of the other project would show nothing, or something else"
    with _files_port(tmp_path, one, 0) as listener:
        assert listener.getsockname()[1] == first
    assert port_for(tmp_path, UI, at_first=first) != first, "nor has another service"
    assert files_of(one) != files_of(other)


@pytest.mark.parametrize("text", ["", "[]", "{", '{"ui": "x"}', '{"ui": null}'])
def test_a_record_that_is_damaged_is_made_anew(tmp_path: Path, text: str) -> None:
    tmp_path.chmod(0o700)
    (tmp_path / "ports.json").write_text(text)
    port = port_for(tmp_path, UI)
    remember(tmp_path, UI, port)
    assert port_for(tmp_path, UI) == port
