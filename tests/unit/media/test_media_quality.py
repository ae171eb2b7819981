"""Checks of takes: what is there is found at its time, and what is fine is left alone."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from animatic.errors import BadClipError
from animatic.media import Decoding, Expected, Finding, check_take, continuity, extract_frame, probe
from animatic.media.container import opened_clip
from animatic.media.flashes import Flashes
from animatic.media.frames import shown_frames
from animatic.media.quality import THRESHOLDS
from tests.unit.media.sounding import tone, write_clip

Picture = npt.NDArray[np.uint8]
WIDTH, HEIGHT = 192, 108


def scene(index: int, *, seed: int = 1) -> Picture:
    """A picture with soft shapes that move a little from frame to frame."""
    rows, columns = np.mgrid[0:HEIGHT, 0:WIDTH]
    phases = np.random.default_rng(seed).uniform(0, 6, 3)
    waves = [np.sin(columns / (14 + 5 * band) + rows / (19 - 3 * band) + phase + index * 0.06) for band, phase in enumerate(phases)]
    return (110 + 60 * np.stack(waves, axis=2)).clip(0, 255).astype(np.uint8)


def flat(level: int) -> Picture:
    return np.full((HEIGHT, WIDTH, 3), level, dtype=np.uint8)


def film(path: Path, pictures: Iterable[Picture], *, fps: int = 24) -> Path:
    with av.open(str(path), "w") as output:
        stream = output.add_stream("libx264", rate=fps, options={"crf": "20"})
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for index, picture in enumerate(pictures):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture))
            frame.pts, frame.time_base = index, Fraction(1, fps)
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return path


def found_in(path: Path, expected: Expected | None = None) -> list[tuple[str, float | None, float | None]]:
    return [(finding.check, finding.at, finding.lasts) for finding in check_take(path, expected)]


def near(check: str, at: float, lasts: float | None) -> tuple[str, object, object]:
    return check, pytest.approx(at, abs=0.09), None if lasts is None else pytest.approx(lasts, abs=0.13)


def _clock(index: int) -> Picture:
    """A picture that stands still but for a small hand that wanders along its edge."""
    picture = scene(0).copy()
    picture[-6:, 10 + index : 16 + index] = 240
    return picture


def _corner(index: int) -> Picture:
    picture = scene(index).copy()
    picture[:30, :40] = 230 if index // 3 % 2 else 20
    return picture


FILMS: dict[str, tuple[Callable[[int], Picture], list[tuple[str, object, object]]]] = {
    "fine": (scene, []),
    "slow fade": (lambda n: (scene(n) * (n / 71)).astype(np.uint8), []),
    "black at the end": (lambda n: scene(n) if n < 48 else flat(4), [near("black", 2, 1), near("cut", 2, None)]),
    "black for a moment": (lambda n: flat(4) if n in {30, 31, 32, 33} else scene(n), [near("cut", 1.25, None), near("cut", 1.417, None)]),
    "frozen": (lambda n: scene(min(n, 30)), [near("frozen", 1.29, 1.71)]),
    "still but for a small hand": (_clock, []),
    "held for a moment": (lambda n: scene(n if n < 20 or n > 34 else 20), []),
    "a cut inside": (lambda n: scene(n, seed=1 if n < 40 else 9), [near("cut", 40 / 24, None)]),
    "flashing": (lambda n: flat(230) if n // 3 % 2 else flat(20), [near("flashing", 0.125, 2.75)]),
    "flashing in a corner": (_corner, []),
    "one flash": (lambda n: flat(240) if n in {30, 31} else scene(n), [near("cut", 1.25, None), near("cut", 1.33, None)]),
}


@pytest.mark.parametrize("kind", FILMS)
def test_pictures_are_told_for_what_they_are(tmp_path: Path, kind: str) -> None:
    picture, expected = FILMS[kind]
    assert found_in(film(tmp_path / "take.mp4", (picture(number) for number in range(72)))) == expected


@pytest.mark.parametrize(("per_second", "dangerous"), [(2, False), (3, False), (4, True), (10, True)])
def test_more_than_three_flashes_a_second_are_too_many(per_second: int, dangerous: bool) -> None:
    flashes = Flashes()
    for number in range(180):
        bright = number * per_second * 2 // 60 % 2
        flashes.add(number / 60, np.full((90, 160), 220 if bright else 30, dtype=np.uint8))
    assert bool(flashes.found()) is dangerous


@pytest.mark.parametrize(("dark", "bright", "dangerous"), [(20, 230, True), (100, 110, False), (235, 255, False), (120, 160, True)])
def test_flashes_are_changes_of_a_tenth_below_the_brightest(dark: int, bright: int, dangerous: bool) -> None:
    flashes = Flashes()
    for number in range(120):
        flashes.add(number / 60, np.full((90, 160), bright if number // 5 % 2 else dark, dtype=np.uint8))
    assert bool(flashes.found()) is dangerous


def test_what_was_asked_is_compared_with_what_came(tmp_path: Path) -> None:
    take = film(tmp_path / "take.mp4", (scene(number) for number in range(48)))
    assert found_in(take, Expected(width=192, height=108, duration=2, fps=24)) == []
    assert found_in(take, Expected(width=96, height=54, duration=2.2, fps=23.976)) == []
    asked = Expected(width=1920, height=1080, duration=5, fps=30, sound=True)
    assert [check for check, _, _ in found_in(take, asked)] == ["size", "length", "rate", "silence"]
    assert [check for check, _, _ in found_in(take, Expected(width=108, height=192))] == ["size"]
    assert found_in(take, Expected(aspect=(16, 9), lines=120)) == []
    assert found_in(take, Expected(aspect=(1280, 720), lines=108)) == []
    assert [finding.detail for finding in check_take(take, Expected(aspect=(9, 16), lines=720))] == [
        "192x108 instead of 9:16",
        "192x108 instead of 720p",
    ]
    assert check_take(take, Expected(duration=5))[0].to_json() == {
        "check": "length",
        "at": None,
        "for": None,
        "detail": "2.00 s instead of 5 s",
    }


def test_silence_counts_only_where_sound_was_asked(tmp_path: Path) -> None:
    silent = write_clip(tmp_path / "silent.mp4", frames=12, sound=np.zeros((2, 24_000), dtype=np.float32))
    asked = Expected(sound=True)
    assert "silence" in [check for check, _, _ in found_in(silent, asked)]
    assert "silence" not in [check for check, _, _ in found_in(silent)]
    soft = write_clip(tmp_path / "soft.mp4", frames=12, sound=tone(0.5, level=0.01))
    assert "silence" not in [check for check, _, _ in found_in(soft, asked)]


@pytest.mark.parametrize(
    ("codec", "name"), [("aac", "take.mp4"), ("pcm_s16le", "take.mov"), ("pcm_s24le", "take.mov"), ("flac", "take.mkv")]
)
def test_clipping_is_found_in_every_kind_of_sound(tmp_path: Path, codec: str, name: str) -> None:
    loud = np.random.default_rng(2).normal(0, 0.17, (2, 88_200)).clip(-0.9, 0.9).astype(np.float32)
    over = loud.copy()
    over[:, 44_100:66_150] = np.clip(over[:, 44_100:66_150] * 3, -1, 1)
    for sound, expected in ((loud, []), (over, [near("clipping", 1, 0.5)])):
        take = write_clip(tmp_path / name, frames=48, sound=sound, rate=44_100, codec=codec)
        assert [finding for finding in found_in(take) if finding[0] == "clipping"] == expected


def test_findings_are_few_however_bad_a_take_is(tmp_path: Path) -> None:
    take = film(tmp_path / "take.mp4", (scene(number, seed=number // 6) for number in range(72)))
    told = Counter(finding.check for finding in check_take(take))
    assert told["cut"] == 5


def test_a_clip_that_is_none_is_refused(tmp_path: Path) -> None:
    (tmp_path / "take.mp4").write_bytes(b"")
    with pytest.raises(BadClipError, match="empty"):
        check_take(tmp_path / "take.mp4")


def test_findings_stand_where_the_picture_cannot_be_written(tmp_path: Path) -> None:
    take = film(tmp_path / "take.mp4", (scene(number) if number < 48 else flat(4) for number in range(72)))
    (tmp_path / "file").touch()
    assert [finding.check for finding in check_take(take, picture=tmp_path / "file" / "small.jpg")] == ["black", "cut"]


def test_every_threshold_says_where_it_comes_from() -> None:
    assert all(threshold.source and threshold.unit for threshold in THRESHOLDS.values())


def test_continuity_tells_a_start_that_was_kept_from_one_that_was_not(tmp_path: Path) -> None:
    take = film(tmp_path / "take.mp4", (scene(number) for number in range(24)))
    extract_frame(take, "first", tmp_path / "start.png")
    other = film(tmp_path / "other.mp4", (scene(number, seed=5) for number in range(4)))
    Image.fromarray(flat(90)).save(tmp_path / "plain.png")
    kept, lost = continuity(tmp_path / "start.png", take), continuity(tmp_path / "start.png", other)
    assert kept is not None
    assert lost is not None
    assert kept > 0.98
    assert 0 <= lost < 0.5
    assert continuity(tmp_path / "plain.png", take) is None


@pytest.mark.slow
def test_checks_cost_less_than_decoding_twice(tmp_path: Path) -> None:
    noise = np.random.default_rng(3)
    pictures = [np.kron(scene(number), np.ones((7, 7, 1), dtype=np.uint8))[:720, :1280] for number in range(0, 48, 4)]
    textured = [(picture * 0.8 + noise.integers(0, 40, picture.shape)).clip(0, 255).astype(np.uint8) for picture in pictures]
    take = tmp_path / "take.mp4"
    with av.open(str(take), "w") as output:
        stream = output.add_stream("libx264", rate=24, options={"crf": "23"})
        stream.width, stream.height, stream.pix_fmt = 1280, 720, "yuv420p"
        for index in range(48):
            frame = av.VideoFrame.from_ndarray(textured[index % len(textured)])
            frame.pts, frame.time_base = index, Fraction(1, 24)
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    facts = probe(take)

    def decoded() -> object:
        with opened_clip(take) as clip:
            return [time for time, _ in shown_frames(clip)]

    costs: dict[str, float] = {}
    for name, work in (("decode", decoded), ("check", lambda: check_take(take, facts=facts, decoding=Decoding()))):
        rounds = []
        for _ in range(3):
            began = time.process_time()
            work()
            rounds.append(time.process_time() - began)
        costs[name] = min(rounds)
    assert costs["check"] < 2 * costs["decode"]


def test_findings_are_plain_data() -> None:
    finding = Finding(check="cut", at=1.5, lasts=None, detail="x")
    assert finding.to_json() == {"check": "cut", "at": 1.5, "for": None, "detail": "x"}
