"""One suite for both homes: what every Storage promises."""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from animatic.errors import StorageError, UsageError
from animatic.storage import Storage, StorageRefusedError, open_storage

pytest_plugins = ["tests.s3server"]
pytestmark = pytest.mark.anyio


@pytest.fixture(params=["folder", "s3"])
def home(request: pytest.FixtureRequest, tmp_path: Path) -> Storage:
    if request.param == "folder":
        return open_storage(str(tmp_path / "out"))
    return open_storage(f"{request.getfixturevalue('s3').url}/brand/boards")


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    path = tmp_path / "clip.mp4"
    path.write_bytes(secrets.token_bytes(100_000))
    return path


def content(path: Path) -> bytes:
    return path.read_bytes()


async def store(home: Storage, key: str, path: Path) -> bool:
    return await home.store(key, path, content_type="video/mp4", sha256=hashlib.sha256(content(path)).hexdigest())


async def keys(home: Storage, prefix: str = "") -> list[str]:
    return [entry.key for entry in await home.list(prefix)]


async def test_what_was_created_is_read_back(home: Storage) -> None:
    assert await home.create("a/b/record.json", b"{}")
    assert await home.read("a/b/record.json") == b"{}"


async def test_what_is_absent_reads_as_nothing(home: Storage, tmp_path: Path) -> None:
    assert await home.read("nothing") is None
    assert await home.head("nothing") is None
    assert await home.list("") == []
    assert not await home.fetch("nothing", tmp_path / "target")
    assert not (tmp_path / "target").exists()
    await home.delete("nothing")


async def test_a_folder_of_records_is_no_object(home: Storage, tmp_path: Path) -> None:
    await home.create("a/b", b"1")
    assert await home.read("a") is None
    assert await home.head("a") is None
    assert not await home.fetch("a", tmp_path / "target")


async def test_only_the_first_create_wins(home: Storage) -> None:
    assert await home.create("record", b"first")
    assert not await home.create("record", b"second")
    assert await home.read("record") == b"first"


async def test_a_create_with_equal_bytes_counts_as_ours(home: Storage) -> None:
    assert await home.create("record", b"same")
    assert await home.create("record", b"same")


async def test_of_many_concurrent_creates_exactly_one_wins(home: Storage) -> None:
    won = await asyncio.gather(*(home.create("race", f"writer {n}".encode()) for n in range(24)))
    assert won.count(True) == 1
    assert await home.read("race") == f"writer {won.index(True)}".encode()


async def test_of_two_homes_on_one_place_exactly_one_wins(home: Storage) -> None:
    other = open_storage(home.url)
    for n in range(10):
        won = await asyncio.gather(home.create(f"race/{n}", b"left"), other.create(f"race/{n}", b"right"))
        assert sorted(won) == [False, True]


async def test_the_digest_is_that_of_the_bytes_whoever_wrote_them(home: Storage, clip: Path) -> None:
    assert await home.digest("clips/a.mp4") is None
    await store(home, "clips/a.mp4", clip)
    assert await home.digest("clips/a.mp4") == hashlib.sha256(content(clip)).hexdigest()
    await home.write("clips/a.mp4", b"changed from outside", content_type="video/mp4")
    assert await home.digest("clips/a.mp4") == hashlib.sha256(b"changed from outside").hexdigest()


async def test_write_replaces(home: Storage) -> None:
    await home.write("page/index.html", b"old", content_type="text/html")
    await home.write("page/index.html", b"new", content_type="text/html")
    assert await home.read("page/index.html") == b"new"


async def test_readers_never_see_a_part_of_a_write(home: Storage) -> None:
    old, new = b"a" * 60_000, b"b" * 60_000
    await home.write("page", old, content_type="text/html")

    async def rewrite() -> None:
        for n in range(6):
            await home.write("page", old if n % 2 else new, content_type="text/html")

    writing = asyncio.create_task(rewrite())
    while not writing.done():
        assert await home.read("page") in {old, new}
    await writing


async def test_a_stored_file_comes_back_with_the_same_bytes(home: Storage, clip: Path, tmp_path: Path) -> None:
    assert await store(home, "takes/ab/clip.mp4", clip)
    assert await home.fetch("takes/ab/clip.mp4", tmp_path / "deep" / "copy.mp4")
    assert content(tmp_path / "deep" / "copy.mp4") == content(clip)


async def test_store_leaves_alone_what_is_there(home: Storage, clip: Path) -> None:
    await home.write("clip.mp4", b"another", content_type="video/mp4")
    assert not await store(home, "clip.mp4", clip)
    assert await home.read("clip.mp4") == b"another"


async def test_store_of_the_same_content_counts_as_ours(home: Storage, clip: Path) -> None:
    assert await store(home, "clip.mp4", clip)
    assert await store(home, "clip.mp4", clip)


async def test_store_of_a_missing_file_says_which(home: Storage, tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"gone\.mp4"):
        await home.store("clip.mp4", tmp_path / "gone.mp4", content_type="video/mp4", sha256="0" * 64)
    assert await home.list("") == []


async def test_fetch_replaces_the_target_whole_and_leaves_nothing_beside_it(home: Storage, clip: Path, tmp_path: Path) -> None:
    await store(home, "clip.mp4", clip)
    target = tmp_path / "cache" / "clip.mp4"
    target.parent.mkdir()
    target.write_bytes(b"older and cut")
    assert await home.fetch("clip.mp4", target)
    assert content(target) == content(clip)
    assert [path.name for path in target.parent.iterdir()] == ["clip.mp4"]


async def test_copy_makes_an_object_of_its_own(home: Storage, clip: Path) -> None:
    await store(home, "takes/clip.mp4", clip)
    assert await home.copy("takes/clip.mp4", "run/01-dawn.mp4")
    await home.write("run/01-dawn.mp4", b"edited by the client", content_type="video/mp4")
    assert await home.read("takes/clip.mp4") == content(clip)


async def test_copy_never_replaces(home: Storage) -> None:
    await home.write("from", b"1", content_type="video/mp4")
    await home.write("to", b"2", content_type="video/mp4")
    assert not await home.copy("from", "to")
    assert await home.read("to") == b"2"


async def test_copy_of_nothing_names_the_source(home: Storage) -> None:
    with pytest.raises(StorageError, match=r"takes/gone\.mp4"):
        await home.copy("takes/gone.mp4", "run/01.mp4")
    assert await home.read("run/01.mp4") is None


async def test_of_many_concurrent_copies_one_stands(home: Storage) -> None:
    sources = [f"from/{n}" for n in range(8)]
    for source in sources:
        await home.create(source, source.encode())
    won = await asyncio.gather(*(home.copy(source, "to") for source in sources))
    assert await home.read("to") in {source.encode() for source, ours in zip(sources, won, strict=True) if ours}
    assert not await home.copy("from/0", "to")
    # moto does not honor If-None-Match on copies, as Amazon does.
    assert won.count(True) == 1 or home.url.startswith("s3://")


async def test_head_knows_size_and_time(home: Storage) -> None:
    await home.create("record", b"12345")
    entry = await home.head("record")
    assert entry is not None
    assert (entry.key, entry.size) == ("record", 5)
    assert abs(datetime.now(UTC) - entry.modified) < timedelta(minutes=1)


async def test_list_is_by_key_and_by_any_prefix(home: Storage) -> None:
    for key in ("runs/2.json", "runs/10.json", "runs-old/1.json", "runs/1/deep.json", "z"):
        await home.create(key, b"12")
    assert await keys(home) == ["runs-old/1.json", "runs/1/deep.json", "runs/10.json", "runs/2.json", "z"]
    assert await keys(home, "runs/") == ["runs/1/deep.json", "runs/10.json", "runs/2.json"]
    assert await keys(home, "runs/1") == ["runs/1/deep.json", "runs/10.json"]
    assert await keys(home, "runs") == ["runs-old/1.json", "runs/1/deep.json", "runs/10.json", "runs/2.json"]
    assert await keys(home, "runs/1/deep.json") == ["runs/1/deep.json"]
    assert {entry.size for entry in await home.list("runs/")} == {2}


async def test_list_goes_beyond_one_page(home: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOTO_S3_DEFAULT_MAX_KEYS", "7")
    await asyncio.gather(*(home.create(f"many/{n:04}", b"") for n in range(40)))
    assert await keys(home, "many/") == [f"many/{n:04}" for n in range(40)]


async def test_delete_removes(home: Storage) -> None:
    await home.create("a/b/c", b"1")
    await home.create("a/d", b"2")
    await home.delete("a/b/c")
    assert await keys(home) == ["a/d"]
    assert await home.create("a/b/c", b"again")


async def test_names_of_people_survive(home: Storage) -> None:
    key = "coast teaser/à la carte + 100% (été).mp4"
    await home.create(key, b"1")
    assert await keys(home) == [key]
    assert await keys(home, "coast teaser/à") == [key]
    assert await home.copy(key, "copy ü.mp4")
    assert await home.read("copy ü.mp4") == b"1"


async def test_below_shares_nothing_with_its_home_but_the_place(home: Storage) -> None:
    simulated = home.below("simulated")
    await simulated.create("teaser/manifest.json", b"1")
    assert await home.read("teaser/manifest.json") is None
    assert await home.read("simulated/teaser/manifest.json") == b"1"
    assert await keys(simulated) == ["teaser/manifest.json"]
    assert simulated.url == f"{home.url}/simulated"
    assert simulated.below("again").url == f"{home.url}/simulated/again"


async def test_below_is_named_from_the_destination_on(home: Storage) -> None:
    expected = "simulated/teaser/clip.mp4"
    location = home.below("simulated").location("teaser/clip.mp4")
    assert location == (f"{home.url}/{expected}" if home.url.startswith("s3://") else expected)
    assert location == home.location(expected)


@pytest.mark.parametrize("key", ["", "/etc/passwd", "a//b", "../up", "a/../../up", "a/./b", "a/", "a\\b", "a\0b", "a/.tmp-x", "x" * 1000])
async def test_keys_that_would_leave_the_home_are_refused(home: Storage, key: str) -> None:
    with pytest.raises(StorageRefusedError, match="storage key"):
        await home.create(key, b"1")
    with pytest.raises(StorageRefusedError, match="storage key"):
        await home.read(key)
    with pytest.raises(StorageRefusedError, match="storage key"):
        home.location(key)


async def test_check_passes_and_leaves_nothing_behind(home: Storage, tmp_path: Path) -> None:
    await home.check()
    await home.below("simulated").check()
    assert await home.list("") == []
    assert not (tmp_path / "out").exists()
    await home.create("kept", b"1")
    await home.check()
    assert await keys(home) == ["kept"]


async def test_many_records_can_be_made_at_once(home: Storage) -> None:
    assert all(await asyncio.gather(*(home.create(f"x/{n}", b"1") for n in range(60))))
    assert await asyncio.gather(*(home.read(f"x/{n}") for n in range(60))) == [b"1"] * 60


@pytest.mark.parametrize(
    "url", ["gs://bucket", "s3://", "s3:///key", "s3://UP per/x", "s3://bucket/a/../b", "s3://bucket/a//b", "https://host/x", ""]
)
def test_what_is_no_home_is_a_usage_error(url: str) -> None:
    with pytest.raises(UsageError) as caught:
        open_storage(url)
    assert caught.value.hint


def test_a_home_is_named_without_a_trailing_slash(tmp_path: Path) -> None:
    assert open_storage("s3://brand-media/boards/").url == "s3://brand-media/boards"
    assert open_storage("s3://brand-media").url == "s3://brand-media"
    assert open_storage(f"{tmp_path}/").url == str(tmp_path)
