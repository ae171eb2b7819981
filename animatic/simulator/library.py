"""Finds the simulator's files by URL: uploaded assets and results, as clients fetch them and as requests refer to them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from animatic.simulator.checks import MediaPlace, spelled
from animatic.simulator.jobs import Job, RefusedError
from animatic.simulator.render.queue import RenderQueue
from animatic.simulator.render.recipe import Media, MediaPath
from animatic.simulator.store import Store

_LOOPBACK = {"127.0.0.1", "localhost", "::1"}
_PREFIX = "/files/"
_MOVING = (".mp4", ".mov", ".webm")
_SOUND = (".mp3", ".wav")
_MESHES = (".glb",)


@dataclass(frozen=True, slots=True)
class _Found:
    """A file that an address names: what it is by content, where it lies."""

    content: str
    path: Path


class Library:
    """Finds files of assets and results. Addresses of an earlier simulator on the same folder, at another port, still count."""

    def __init__(self, store: Store, renders: RenderQueue) -> None:
        self._store = store
        self._renders = renders

    def result(self, job: Job) -> Path:
        """Return where the job's result lies, or will."""
        return self._renders.path(job.render_key, job.suffix)

    def modified(self, job: Job) -> float:
        """Return when the job's result was rendered, by the machine's clock."""
        return self.result(job).stat().st_mtime

    def result_url(self, job: Job, base: str, *, ended_at: float, url_seconds: float | None, name: str | None = None) -> str:
        """Return the address of a job's result at the server that was asked; signed where addresses expire."""
        path = f"{_PREFIX}results/{job.id}/{name or f'result.{job.suffix}'}"
        if url_seconds is None:
            return base + path
        expires = f"{ended_at + url_seconds:.3f}"
        return f"{base}{path}?expires={expires}&signature={_signature(job.id, expires)}"

    def is_expired(self, job_id: str, query: str, *, now: float, url_seconds: float | None) -> bool:
        """Tell whether a result's address may not be used (any more)."""
        if url_seconds is None:
            return False
        values = parse_qs(query)
        expires = values.get("expires", [""])[0]
        genuine = values.get("signature", [""])[0] == _signature(job_id, expires)
        return not genuine or now > float(expires)

    def resolve(
        self, places: Iterable[MediaPlace], *, now: float, strict: bool, url_seconds: float | None = None
    ) -> dict[MediaPath, Media]:
        """Return the own files that media fields name. Others are left out: nothing is ever fetched from elsewhere.

        ``strict`` refuses with 422 what a server far away could not fetch: own addresses without a file, expired ones, media of the
        wrong sort, and addresses that are neither its own nor https.
        """
        media: dict[MediaPath, Media] = {}
        for place in places:
            parts = urlsplit(place.url)
            if parts.hostname in _LOOPBACK and parts.path.startswith(_PREFIX):
                found = self._find(parts.path.removeprefix(_PREFIX), parts.query, now=now, url_seconds=url_seconds)
                if found is not None and _fits(found.path, place.media):
                    media[place.path] = Media(sha256=found.content, path=str(found.path), moving=found.path.suffix in _MOVING)
                elif strict:
                    raise RefusedError(422, {"error": f"Input file rejected: {spelled(place.path)}"})
            elif strict and parts.scheme != "https":
                raise RefusedError(422, {"error": f"Input file rejected: {spelled(place.path)} is not reachable"})
        return {path: item for path, item in media.items() if Path(item.path).suffix not in (*_SOUND, *_MESHES)}

    def _find(self, path: str, query: str, *, now: float, url_seconds: float | None) -> _Found | None:
        folder, _, rest = path.partition("/")
        if folder == "assets":
            asset = self._store.asset(rest.partition(".")[0])
            return _Found(asset.sha256, self._store.assets_folder / asset.file) if asset is not None and asset.file == rest else None
        job = self._store.job(rest.partition("/")[0]) if folder == "results" else None
        if job is None or self.is_expired(job.id, query, now=now, url_seconds=url_seconds):
            return None
        if job.status_at(now, rendered=self._renders.finished(job.render_key, job.suffix)) != "completed" or job.outcome != "completed":
            return None
        return _Found(job.render_key, self.result(job))


def _fits(path: Path, media: str) -> bool:
    if media == "any":
        return True
    if path.suffix in _MESHES:
        return False
    return media == ("video" if path.suffix in _MOVING else "audio" if path.suffix in _SOUND else "image")


def _signature(job_id: str, expires: str) -> str:
    return hashlib.sha256(f"{job_id}:{expires}".encode()).hexdigest()[:24]
