"""Declarations in a bucket: whole or not at all, and never another than the one that was deployed. The bucket is a folder here."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from animatic.engine.bundles import BUNDLES, bundle_of, fetch_bundle, put_bundle
from animatic.errors import StorageError, UsageError
from animatic.flows.pulled import REFUSED, refusal
from animatic.plan.carried import CarriedFiles, carried_files
from animatic.prefect.pull import from_s3
from animatic.spec import load_declaration
from animatic.storage.folder import FolderStorage

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def carried(tmp_path: Path) -> CarriedFiles:
    folder = tmp_path / "boards"
    folder.mkdir()
    Image.new("RGB", (8, 8), "red").save(folder / "red.png")
    Image.new("RGB", (8, 8), "red").save(folder / "again.png")
    (folder / "pipelines.yaml").write_text(
        "version: 1\npipelines: {town: {shots: [{id: a, prompt: A, model: xai/grok-video, reference_images: [red.png, again.png]}]}}\n"
    )
    return carried_files(load_declaration((folder / "pipelines.yaml",)), folder / "pipelines.yaml")


@pytest.fixture
def bucket(tmp_path: Path) -> Path:
    return tmp_path / "bucket"


async def put(carried: CarriedFiles, bucket: Path) -> str:
    bundle = bundle_of(carried)
    await put_bundle(FolderStorage(bucket), bundle, carried)
    return bundle.sha256


async def test_what_is_fetched_is_what_was_put_there(carried: CarriedFiles, bucket: Path, tmp_path: Path) -> None:
    sha256 = await put(carried, bucket)
    start = await fetch_bundle(FolderStorage(bucket), sha256, tmp_path / "here")
    assert {path.name: path.read_bytes() for path in start.iterdir()} == {name: path.read_bytes() for name, path in carried.files.items()}
    assert len(list((bucket / "files").iterdir())) == 2, "equal content lies there once"


async def test_putting_it_again_writes_nothing_and_a_new_version_leaves_the_former(
    carried: CarriedFiles, bucket: Path, tmp_path: Path
) -> None:
    first = await put(carried, bucket)
    assert await put_bundle(FolderStorage(bucket), bundle_of(carried), carried) == 0
    Image.new("RGB", (8, 8), "blue").save(carried.files["red.png"])
    second = await put(carried, bucket)
    assert first != second
    for sha256 in (first, second):
        await fetch_bundle(FolderStorage(bucket), sha256, tmp_path / sha256)
    assert (tmp_path / first / "red.png").read_bytes() == (tmp_path / first / "again.png").read_bytes()
    assert (tmp_path / second / "red.png").read_bytes() == carried.files["red.png"].read_bytes()


async def test_a_copy_that_was_changed_here_is_made_right_again(carried: CarriedFiles, bucket: Path, tmp_path: Path) -> None:
    sha256 = await put(carried, bucket)
    start = await fetch_bundle(FolderStorage(bucket), sha256, tmp_path / "here")
    (start / "red.png").write_bytes(b"something else")
    (start / "again.png").unlink()
    await fetch_bundle(FolderStorage(bucket), sha256, tmp_path / "here")
    assert all((start / name).read_bytes() == path.read_bytes() for name, path in carried.files.items())


async def test_what_is_missing_or_changed_in_the_bucket_is_refused_and_named(carried: CarriedFiles, bucket: Path, tmp_path: Path) -> None:
    sha256 = await put(carried, bucket)
    picture = bucket / "files" / bundle_of(carried).files["red.png"].sha256
    listed = bucket / f"{sha256}.json"

    async def said(number: int) -> str:
        with pytest.raises(StorageError) as caught:
            await fetch_bundle(FolderStorage(bucket), sha256, tmp_path / str(number))
        assert "animatic deploy --pull" in (caught.value.hint or "")
        return caught.value.message

    before = picture.read_bytes()
    picture.write_bytes(before[:-1] + b"!")
    assert ".png is not what was deployed" in await said(1)
    assert not list((tmp_path / "1").glob("*.png")), "nothing that was not deployed is left where it would be looked for"
    picture.unlink()
    assert ".png of the declaration that was deployed is not in the bucket any more" in await said(2)
    picture.write_bytes(before)
    text = listed.read_text()
    listed.write_text(text.replace("red.png", "../../red.png"))
    assert "the declaration is not what was deployed" in await said(3)
    listed.unlink()
    assert "the declaration that was deployed is not in the bucket any more" in await said(4)
    listed.write_text(text)
    assert json.loads(text)["start"] == ""
    await fetch_bundle(FolderStorage(bucket), sha256, tmp_path / "5")


async def test_a_list_is_there_only_once_all_its_files_are(carried: CarriedFiles, bucket: Path) -> None:
    class Full(FolderStorage):
        async def store(self, key: str, source: Path, *, content_type: str, sha256: str) -> bool:
            if source.suffix == ".yaml":
                raise StorageError("the disk is full")
            return await super().store(key, source, content_type=content_type, sha256=sha256)

    with pytest.raises(StorageError):
        await put_bundle(Full(bucket), bundle_of(carried), carried)
    assert await FolderStorage(bucket).read(f"{bundle_of(carried).sha256}.json") is None


async def test_a_file_that_changes_while_it_is_deployed_is_refused(carried: CarriedFiles, bucket: Path) -> None:
    bundle = bundle_of(carried)
    Image.new("RGB", (8, 8), "blue").save(carried.files["red.png"])
    Image.new("RGB", (8, 8), "blue").save(carried.files["again.png"])
    with pytest.raises(UsageError, match="changed while"):
        await put_bundle(FolderStorage(bucket), bundle, carried)
    carried.files["pipelines.yaml"].write_text("version: 1\n")
    with pytest.raises(UsageError, match=r"pipelines\.yaml changed while it was read"):
        bundle_of(carried)


async def test_a_further_pipelines_file_in_the_copy_is_refused(carried: CarriedFiles, bucket: Path, tmp_path: Path) -> None:
    sha256 = await put(carried, bucket)
    start = await fetch_bundle(FolderStorage(bucket), sha256, tmp_path / "here")
    (start / "more.yaml").write_text("version: 1")
    with pytest.raises(StorageError, match=r"more\.yaml is not part of what was deployed"):
        await fetch_bundle(FolderStorage(bucket), sha256, tmp_path / "here")


async def test_a_file_that_lies_where_a_folder_belongs_is_named(bucket: Path, tmp_path: Path) -> None:
    boards = tmp_path / "boards"
    (boards / "refs").mkdir(parents=True)
    Image.new("RGB", (8, 8), "red").save(boards / "refs" / "red.png")
    (boards / "pipelines.yaml").write_text(
        "version: 1\npipelines: {town: {shots: [{id: a, prompt: A, model: xai/grok-video, start_image: refs/red.png}]}}\n"
    )
    sha256 = await put(carried_files(load_declaration((boards / "pipelines.yaml",)), boards / "pipelines.yaml"), bucket)
    here = tmp_path / "here"
    here.mkdir()
    (here / "refs").write_text("in the way")
    with pytest.raises(StorageError, match=r"refs") as refused:
        await fetch_bundle(FolderStorage(bucket), sha256, here)
    assert "a file stands where a folder is needed" in refused.value.message


async def test_a_pull_that_succeeds_takes_back_the_refusal_before_it(
    carried: CarriedFiles, bucket: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANIMATIC_HOME", str(tmp_path / "home"))
    monkeypatch.setenv(REFUSED, "")
    monkeypatch.setattr("animatic.prefect.pull.open_storage", lambda *_, **__: FolderStorage(bucket))
    await from_s3("s3://studio/boards", "0" * 64)
    told = refusal()
    assert told is not None
    assert "not in the bucket" in told.message
    sha256 = await put(carried, bucket / BUNDLES)
    start = await from_s3("s3://studio/boards", sha256)
    assert start == {"directory": str(tmp_path / "home" / "pulled" / sha256)}
    assert refusal() is None
