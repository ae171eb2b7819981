"""A folder when things go wrong: full and odd disks, crashes, neighbours."""

from __future__ import annotations

import asyncio
import errno
import hashlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from animatic.errors import StorageError
from animatic.storage import StorageRefusedError, files, open_storage
from animatic.storage.folder import FolderStorage

pytestmark = pytest.mark.anyio


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "out"


@pytest.fixture
def home(root: Path) -> FolderStorage:
    return FolderStorage(root)


def failing(code: int) -> Callable[..., None]:
    def fail(*_: object, **__: object) -> None:
        raise OSError(code, os.strerror(code))

    return fail


def names_below(root: Path) -> list[str]:
    return sorted(path.name for path in root.rglob("*") if path.is_file())


@pytest.mark.parametrize(
    ("code", "reason"),
    [(errno.ENOSPC, "the disk is full"), (errno.EDQUOT, "quota"), (errno.EROFS, "read-only"), (errno.EACCES, "permission denied")],
)
async def test_a_disk_that_refuses_is_explained_and_leaves_nothing(
    home: FolderStorage, root: Path, monkeypatch: pytest.MonkeyPatch, code: int, reason: str
) -> None:
    await home.write("page", b"old", content_type="text/html")
    monkeypatch.setattr(os, "fsync", failing(code))
    for operation in (home.create("a/record.json", b"1"), home.write("page", b"new", content_type="text/html")):
        with pytest.raises(StorageRefusedError, match=reason) as caught:
            await operation
        assert str(root) in caught.value.message
        assert caught.value.hint
        assert caught.value.exit_code == 6
    assert names_below(root) == ["page"]
    assert (root / "page").read_bytes() == b"old"


async def test_trouble_that_may_pass_is_worth_another_try(home: FolderStorage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsync", failing(errno.EIO))
    with pytest.raises(StorageError) as caught:
        await home.create("record", b"1")
    assert caught.value.retryable
    assert not isinstance(caught.value, StorageRefusedError)


async def test_a_full_disk_leaves_no_half_clip(home: FolderStorage, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clip = tmp_path / "clip.mp4"
    clip.write_bytes(b"x" * 3_000_000)
    digest = hashlib.sha256(b"x" * 3_000_000).hexdigest()
    monkeypatch.setattr(os, "fsync", failing(errno.ENOSPC))
    with pytest.raises(StorageRefusedError, match="the disk is full"):
        await home.store("clip.mp4", clip, content_type="video/mp4", sha256=digest)
    assert names_below(root) == []


@pytest.mark.parametrize("operation", ["create", "write", "read", "list", "check", "head", "delete"])
async def test_a_file_in_place_of_the_folder_is_said_so(tmp_path: Path, operation: str) -> None:
    (tmp_path / "out").write_bytes(b"not a folder")
    home = FolderStorage(tmp_path / "out")
    calls = {
        "create": lambda: home.create("a/record.json", b"1"),
        "write": lambda: home.write("a/page", b"1", content_type="text/html"),
        "read": lambda: home.read("a/record.json"),
        "head": lambda: home.head("a/record.json"),
        "list": lambda: home.list(""),
        "delete": lambda: home.delete("a/record.json"),
        "check": home.check,
    }
    with pytest.raises(StorageRefusedError, match="a file stands where a folder is needed"):
        await calls[operation]()
    assert (tmp_path / "out").read_bytes() == b"not a folder"


def _move_away(root: Path, how: str) -> None:
    root.rename(root.with_name("moved"))
    if how == "emptied":
        root.mkdir()
    elif how == "a file":
        root.write_text("x")


def _bring_back(root: Path, how: str) -> None:
    """Put the folder back; what stands in its place must be as it was left."""
    if how == "emptied":
        root.rmdir()
    elif how == "a file":
        root.unlink()
    root.with_name("moved").rename(root)


@pytest.mark.parametrize("how", ["moved", "emptied", "a file"])
async def test_a_folder_that_goes_away_is_not_taken_for_an_empty_one(home: FolderStorage, root: Path, how: str) -> None:
    """As when its disk is unmounted: the records that are gone say what was paid for."""
    await home.check()
    assert await home.create(".animatic/claims/job-1.json", b"{}")
    _move_away(root, how)
    operations: list[Callable[[], Awaitable[object]]] = [
        lambda: home.create(".animatic/claims/job-2.json", b"{}"),
        lambda: home.write("coast/manifest.json", b"{}", content_type="application/json"),
        lambda: home.read(".animatic/claims/job-1.json"),
        lambda: home.head(".animatic/claims/job-1.json"),
        lambda: home.list(".animatic/"),
    ]
    for operation in operations:
        with pytest.raises(StorageRefusedError, match="moved, emptied or unmounted"):
            await operation()
    _bring_back(root, how)
    assert await home.read(".animatic/claims/job-1.json") == b"{}"


async def test_a_record_that_is_removed_on_purpose_is_not_missed(home: FolderStorage) -> None:
    assert await home.create(".animatic/claims/job-1.json", b"{}")
    await home.delete(".animatic/claims/job-1.json")
    assert await home.read(".animatic/claims/job-1.json") is None


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs a file system that takes no files")
async def test_a_place_where_nothing_can_be_made_is_refused() -> None:
    with pytest.raises(StorageRefusedError, match="/proc/animatic"):
        await open_storage("/proc/animatic").check()


async def test_a_file_system_without_hard_links_is_refused_at_the_start(
    home: FolderStorage, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "link", failing(errno.EPERM))
    with pytest.raises(StorageRefusedError, match="no hard links") as caught:
        await home.check()
    assert caught.value.hint
    assert names_below(root) == []


async def test_a_link_whose_answer_was_lost_is_ours(home: FolderStorage, monkeypatch: pytest.MonkeyPatch) -> None:
    link = os.link

    def lossy(source: Path, target: Path) -> None:
        link(source, target)
        raise FileExistsError(errno.EEXIST, "the network asked twice")

    monkeypatch.setattr(os, "link", lossy)
    assert await home.create("record", b"1")


async def test_unfinished_files_are_not_seen_and_old_ones_are_cleared_away(home: FolderStorage, root: Path) -> None:
    await home.create("takes/record", b"1")
    old, young = root / "takes" / ".tmp-old", root / "takes" / ".tmp-young"
    for path in (old, young):
        path.write_bytes(b"half")
    day_before_yesterday = time.time() - 2 * files.STALE_SECONDS
    os.utime(old, (day_before_yesterday, day_before_yesterday))
    assert [entry.key for entry in await home.list("")] == ["takes/record"]
    assert not old.exists()
    assert young.exists()


DIE_WHILE_WRITING = """
import asyncio, os, signal, sys
from animatic.storage import open_storage
os.fsync = lambda _: os.kill(os.getpid(), signal.SIGKILL)
asyncio.run(open_storage(sys.argv[1]).create("takes/record", b"from the dead"))
"""


async def test_a_process_killed_while_writing_leaves_the_key_free(home: FolderStorage, root: Path) -> None:
    ended = await asyncio.to_thread(subprocess.run, [sys.executable, "-c", DIE_WHILE_WRITING, str(root)], check=False)
    assert ended.returncode == -signal.SIGKILL
    assert await home.read("takes/record") is None
    assert await home.list("") == []
    assert await home.create("takes/record", b"from the living")


async def test_files_get_the_rights_that_the_user_gives_to_new_files(home: FolderStorage, root: Path) -> None:
    before = os.umask(0o027)
    try:
        await home.create("record", b"1")
    finally:
        os.umask(before)
    assert (root / "record").stat().st_mode & 0o777 == 0o640


async def test_a_file_that_changed_since_it_was_hashed_is_not_stored(home: FolderStorage, root: Path, tmp_path: Path) -> None:
    clip = tmp_path / "clip.mp4"
    clip.write_bytes(b"changed")
    with pytest.raises(StorageRefusedError, match="SHA-256"):
        await home.store("clip.mp4", clip, content_type="video/mp4", sha256="0" * 64)
    assert names_below(root) == []


async def test_clearing_empty_folders_away_never_trips_a_writer(home: FolderStorage) -> None:
    async def come_and_go(name: str) -> None:
        for n in range(60):
            assert await home.create(f"deep/er/{name}-{n}", b"1")
            await home.delete(f"deep/er/{name}-{n}")

    await asyncio.gather(*(come_and_go(str(n)) for n in range(8)))
    assert await home.list("") == []


async def test_a_folder_that_comes_and_goes_at_the_same_moment_is_made_again(home: FolderStorage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody else makes the folder just before us, and the last file in it is deleted, so that it is gone when we look."""
    mkdir = os.mkdir
    tripped: list[Path] = []

    def late(path: Path, mode: int = 0o777) -> None:
        if Path(path).name == "still.takes" and not tripped:
            tripped.append(path)
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))
        mkdir(path, mode)

    monkeypatch.setattr(os, "mkdir", late)
    assert await home.create("run/still.takes/3.png", b"1")
    assert tripped
    assert await home.read("run/still.takes/3.png") == b"1"


async def test_a_linked_folder_is_followed_and_strangers_inside_are_not(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "secret").write_bytes(b"1")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    (tmp_path / "real" / "stranger").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "real" / "dangling").symlink_to(tmp_path / "nowhere")
    home = open_storage(str(tmp_path / "link"))
    await home.create("a/b", b"1")
    assert [entry.key for entry in await home.list("")] == ["a/b"]
