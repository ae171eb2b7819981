"""Telling a live owner from a dead one, and both from one that cannot be seen from here."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from animatic.ledger import owner
from tests.present import present

pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs Linux's /proc")

SAY_WHO = "import sys; from animatic.ledger.submissions import identity; print(*identity(), sep='|', flush=True); sys.stdin.read()"


def test_this_process_is_alive() -> None:
    assert owner.is_alive(*owner.identity()) is True


def test_a_process_is_alive_until_it_is_killed() -> None:
    with subprocess.Popen([sys.executable, "-c", SAY_WHO], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        host, pid, started = present(process.stdout).readline().strip().split("|")
        assert int(pid) == process.pid
        assert owner.is_alive(host, process.pid, started) is True
        process.send_signal(signal.SIGKILL)
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        assert owner.is_alive(host, process.pid, started) is False, "a zombie sends nothing"
    assert owner.is_alive(host, process.pid, started) is False


def test_a_process_id_given_to_another_process_is_not_its_owner() -> None:
    host, pid, started = owner.identity()
    world, _, start = started.rpartition(" ")
    assert owner.is_alive(host, pid, f"{world} {int(start) - 1}") is False


def test_other_hosts_boots_and_containers_cannot_be_seen() -> None:
    host, pid, started = owner.identity()
    boot, namespace, start = started.split(" ")
    assert owner.is_alive("elsewhere", pid, started) is None
    assert owner.is_alive(host, pid, f"another-boot {namespace} {start}") is None
    assert owner.is_alive(host, pid, f"{boot} pid:[1] {start}") is None


def test_without_proc_a_living_process_id_counts_as_alive(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(owner, "PROC", tmp_path)
    host, pid, started = owner.identity()
    assert started == ""
    assert owner.is_alive(host, pid, started) is True
