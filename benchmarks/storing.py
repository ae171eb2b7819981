"""Measures delivering: clips into a folder against a plain copy, and into S3 (moto) against boto3 alone and ``curl -T``."""

from __future__ import annotations

import asyncio
import hashlib
import os
import shutil
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import count
from pathlib import Path

import boto3

from animatic.storage import open_storage
from benchmarks.measure import Cost, call, in_turns
from benchmarks.services import random_files, s3
from benchmarks.tables import Results, Row

CLIPS = 20
SIZE = 20_000_000
REEL_SIZE = 200_000_000
AT_ONCE = 6
BUCKET = "bench"


def deliver(folder: Path, rounds: int) -> Results:
    """Store twenty clips of 20 MB, six at once as a run does, with their SHA-256 known from the download."""
    clips = random_files(folder / "clips", CLIPS, SIZE)
    digests = [_sha256(clip) for clip in clips]
    reel = random_files(folder / "reel", 1, REEL_SIZE)
    reel_digest = [_sha256(reel[0])]
    turn = count()
    with s3() as endpoint:
        os.environ |= {
            "AWS_ENDPOINT_URL_S3": endpoint,
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
            "AWS_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
        }
        boto3.client("s3").create_bucket(Bucket=BUCKET)

        def fresh(name: str) -> str:
            return f"{name}-{next(turn)}"

        found = in_turns(
            rounds,
            {
                "copy": call(lambda: _emptied(folder / fresh("copy"), lambda target: _copy(clips, target))),
                "sha": call(lambda: [_sha256(clip) for clip in clips]),
                "folder": call(lambda: _emptied(folder / fresh("store"), lambda target: _store(clips, digests, str(target)))),
                "curl": call(lambda: _curl(clips, f"{endpoint}/{BUCKET}/{fresh('curl')}")),
                "reel, boto3": call(lambda: _boto3(reel, fresh("boto3"))),
                "reel": call(lambda: _store(reel, reel_digest, f"s3://{BUCKET}/{fresh('store')}")),
                "boto3": call(lambda: _boto3(clips, fresh("boto3"))),
                "s3": call(lambda: _store(clips, digests, f"s3://{BUCKET}/{fresh('store')}")),
            },
        )
    return Results(
        title=f"Storage: {CLIPS} clips of {SIZE // 1_000_000} MB, {AT_ONCE} at once",
        limit="shutil.copyfile with fsync for the folder; for S3 (moto, in a process of its own) as the row says (curl without its CPU)",
        rows=(
            Row(
                what="folder",
                cost=found["folder"],
                limit=found["copy"],
                note="hashed once more: what is stored is what was proved",
            ),
            Row(what="  SHA-256 of the clips alone", cost=found["sha"]),
            _beside_boto3("S3, beside boto3's upload_file", found["s3"], found["boto3"]),
            _beside_boto3(f"S3, one reel of {REEL_SIZE // 1_000_000} MB", found["reel"], found["reel, boto3"]),
            Row(what="S3, beside curl -T", cost=found["s3"], limit=replace(found["curl"], cpu=0.0)),
        ),
    )


def _beside_boto3(what: str, ours: Cost, theirs: Cost) -> Row:
    """Return a row beside boto3 alone with the same files; what is wanted is a share of its throughput."""
    note = f"{theirs.wall / ours.wall:.2f} of its throughput; conditional put with checksum"
    return Row(what=what, cost=ours, limit=theirs, target="1.1 (0.9 of its throughput)", note=note)


def _store(clips: list[Path], digests: list[str], url: str) -> None:
    async def all_of_them() -> None:
        storage, gate = open_storage(url), asyncio.Semaphore(AT_ONCE)

        async def one(clip: Path, digest: str) -> None:
            async with gate:
                await storage.store(f"takes/{clip.name}", clip, content_type="video/mp4", sha256=digest)

        await asyncio.gather(*(one(clip, digest) for clip, digest in zip(clips, digests, strict=True)))

    asyncio.run(all_of_them())


def _copy(clips: list[Path], target: Path) -> None:
    target.mkdir()

    def one(clip: Path) -> None:
        shutil.copyfile(clip, target / clip.name)
        with (target / clip.name).open("rb") as file:
            os.fsync(file.fileno())

    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(one, clips))


def _boto3(clips: list[Path], prefix: str) -> None:
    """Upload as its documentation says, one client for all threads."""
    client = boto3.client("s3")

    def one(clip: Path) -> None:
        client.upload_file(str(clip), BUCKET, f"{prefix}/{clip.name}", ExtraArgs={"ContentType": "video/mp4"})

    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(one, clips))


def _curl(clips: list[Path], address: str) -> None:
    def one(clip: Path) -> None:
        subprocess.run(["curl", "-sS", "-f", "-o", os.devnull, "-T", str(clip), f"{address}/{clip.name}"], check=True)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(one, clips))


def _emptied(target: Path, work: Callable[[Path], None]) -> None:
    try:
        work(target)
    finally:
        shutil.rmtree(target, ignore_errors=True)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
