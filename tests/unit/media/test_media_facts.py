"""probe and sniff: facts from the packets, and clear refusals."""

from __future__ import annotations

import wave
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from animatic.errors import BadClipError, BadMediaError
from animatic.media import extract_frame, probe, sniff, thumbnail
from tests.unit.media.assembling import assemble_reel
from tests.unit.media.conftest import ClipMaker


def test_a_clip_tells_size_rate_length_and_sound(make_clip: ClipMaker) -> None:
    facts = probe(make_clip(frames=36, size=(128, 72), audio=True))
    assert (facts.mime, facts.codec, facts.width, facts.height) == ("video/mp4", "h264", 128, 72)
    assert (facts.fps, facts.duration, facts.frames, facts.has_audio) == (24.0, 1.5, 36, True)


@pytest.mark.parametrize(
    ("name", "codec", "known"), [("a.webm", "libvpx-vp9", "vp9"), ("b.mp4", "libx265", "hevc"), ("c.mp4", "libsvtav1", "av1")]
)
def test_other_codecs_are_read(make_clip: ClipMaker, name: str, codec: str, known: str) -> None:
    facts = probe(make_clip(name, codec=codec, size=(128, 96)))
    assert (facts.codec, facts.frames) == (known, 24)
    assert facts.duration == pytest.approx(1.0, abs=0.002)


def test_length_is_that_of_the_picture_where_sound_outlasts_it(make_clip: ClipMaker) -> None:
    assert probe(make_clip(frames=12, audio=True)).duration == 0.5


def test_a_rotated_clip_has_the_size_it_is_shown_in(make_clip: ClipMaker) -> None:
    facts = probe(make_clip(rotation=90, size=(64, 48)))
    assert (facts.width, facts.height) == (48, 64)


def test_a_varying_rate_is_averaged(make_clip: ClipMaker) -> None:
    facts = probe(make_clip(frames=4, times=[0, 1, 10, 20]))
    assert facts.frames == 4
    assert facts.fps == pytest.approx(4 / (29 / 24), rel=0.01)  # the muxer gives the last frame the length of the one before


def test_ntsc_rate_is_told_to_three_places(make_clip: ClipMaker) -> None:
    assert probe(make_clip(fps=Fraction(30000, 1001))).fps == 29.97


def test_odd_sizes_are_told_as_they_are(make_clip: ClipMaker) -> None:
    facts = probe(make_clip(size=(63, 47), pix_fmt="yuv444p"))
    assert (facts.width, facts.height) == (63, 47)


def test_a_still_has_no_length(tmp_path: Path) -> None:
    Image.new("RGB", (30, 20), "red").save(tmp_path / "a.png")
    facts = probe(tmp_path / "a.png")
    assert (facts.mime, facts.width, facts.height, facts.codec) == ("image/png", 30, 20, "png")
    assert (facts.fps, facts.duration, facts.frames, facts.has_audio) == (None, None, None, False)


def test_a_photo_is_as_large_as_it_is_shown(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (30, 20)).save(tmp_path / "a.jpg", exif=exif)
    assert probe(tmp_path / "a.jpg").width == 20


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "empty"),
        (b"<!DOCTYPE html><title>524</title>", "web page"),
        (b'{"error": "expired"}', "JSON"),
        (b"#EXTM3U\n#EXT-X-STREAM-INF\nhttp://127.0.0.1/other.m3u8", "text"),
        (b"ffconcat version 1.0\nfile /etc/hostname", "text"),
        (b"\x00\x01\x02\x03" * 40, "unknown format"),
    ],
)
def test_what_is_no_clip_is_named(tmp_path: Path, content: bytes, says: str) -> None:
    path = tmp_path / "clip.mp4"
    path.write_bytes(content)
    with pytest.raises(BadClipError, match=says) as caught:
        probe(path)
    assert caught.value.code == "not_media"
    assert "clip.mp4" in caught.value.message


@pytest.mark.parametrize("options", [{}, {"audio": True}, {"name": "clip.webm", "codec": "libvpx-vp9"}])
@pytest.mark.parametrize("share", [0.3, 0.7, 0.97])
def test_a_cut_clip_is_refused_wherever_its_index_stands(make_clip: ClipMaker, options: dict[str, Any], share: float) -> None:
    path = make_clip(frames=120, size=(128, 96), **options)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    with pytest.raises(BadClipError):
        probe(path)


def test_a_cut_clip_with_its_index_first_is_refused(make_clip: ClipMaker, tmp_path: Path) -> None:
    reel = tmp_path / "reel.mp4"
    assemble_reel([make_clip(frames=48)], reel)
    data = reel.read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")
    reel.write_bytes(data[:-20])
    with pytest.raises(BadClipError, match="cut") as caught:
        probe(reel)
    assert caught.value.code == "cut"
    assert caught.value.retryable


def test_a_damaged_still_is_refused(tmp_path: Path) -> None:
    Image.effect_noise((64, 64), 60).save(tmp_path / "a.png")
    data = (tmp_path / "a.png").read_bytes()
    (tmp_path / "a.png").write_bytes(data[: len(data) // 2])
    with pytest.raises(BadClipError, match="does not decode"):
        probe(tmp_path / "a.png")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadClipError, match=r"gone\.mp4 cannot be read"):
        probe(tmp_path / "gone.mp4")


def sound(path: Path) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(b"\0\0" * 8000)
    return path


def test_sound_only_is_no_clip(tmp_path: Path) -> None:
    with pytest.raises(BadClipError, match="audio/wav, not a clip"):
        probe(sound(tmp_path / "a.wav"))


def test_references_are_told_by_content_not_by_name(make_clip: ClipMaker, tmp_path: Path) -> None:
    Image.new("RGB", (8, 8)).save(tmp_path / "b.webp")
    (tmp_path / "b.webp").rename(tmp_path / "b.jpg")
    assert sniff(tmp_path / "b.jpg") == ("image/webp", "image")
    assert sniff(make_clip("c.mov")) == ("video/quicktime", "video")
    assert sniff(sound(tmp_path / "d.mp3")) == ("audio/wav", "audio")


def test_an_audio_only_mp4_is_sound(make_clip: ClipMaker) -> None:
    assert sniff(make_clip("only.mp4", frames=0, audio=True)) == ("audio/mp4", "audio")


def test_heic_is_believed(tmp_path: Path) -> None:
    (tmp_path / "a.heic").write_bytes(b"\0\0\0\x18ftypheic" + b"\0" * 20)
    assert sniff(tmp_path / "a.heic") == ("image/heic", "image")
    with pytest.raises(BadClipError, match="HEIC"):
        probe(tmp_path / "a.heic")


def test_unreadable_references_raise_bad_media(tmp_path: Path, make_clip: ClipMaker) -> None:
    (tmp_path / "a.png").write_bytes(b"")
    with pytest.raises(BadMediaError, match="empty"):
        sniff(tmp_path / "a.png")
    cut = make_clip()
    cut.write_bytes(cut.read_bytes()[:200])
    with pytest.raises(BadMediaError):
        sniff(cut)


FRAGMENTED = "frag_keyframe+empty_moov+default_base_moof"


@pytest.mark.parametrize("movflags", [None, "+faststart", FRAGMENTED], ids=["index last", "index first", "fragments"])
@pytest.mark.parametrize("tail", [b"\r\n\n", b"x", bytes(8), b"TAG" + b"a title".ljust(125, b"\0"), b"<!-- cdn -->" * 9, bytes(64 * 1024)])
def test_bytes_after_the_last_box_are_no_part_of_a_clip(make_clip: ClipMaker, movflags: str | None, tail: bytes) -> None:
    clip = make_clip(movflags=movflags, frames=48)
    facts = probe(clip)
    clip.write_bytes(clip.read_bytes() + tail)
    assert probe(clip) == facts
    assert sniff(clip) == ("video/mp4", "video")


@pytest.mark.parametrize("movflags", [None, "+faststart", FRAGMENTED], ids=["index last", "index first", "fragments"])
def test_a_clip_cut_anywhere_is_refused(make_clip: ClipMaker, movflags: str | None) -> None:
    clip = make_clip(movflags=movflags, frames=8, lively=True)
    whole = clip.read_bytes()
    for cut in (1, 3, 5, 9, 40, 200, len(whole) // 3, len(whole) // 2, len(whole) - 20):
        clip.write_bytes(whole[:-cut])
        with pytest.raises(BadClipError):
            probe(clip)


@pytest.mark.parametrize(
    ("pixel", "rotation", "shown"), [(Fraction(2), 0, (128, 48)), (Fraction(1, 2), 0, (64, 96)), (Fraction(4, 3), 90, (48, 85))]
)
def test_size_is_told_in_square_pixels(make_clip: ClipMaker, pixel: Fraction, rotation: int, shown: tuple[int, int]) -> None:
    facts = probe(make_clip(size=(64, 48), pixel=pixel, rotation=rotation))
    assert (facts.width, facts.height) == shown


def damaged(clip: Path, at: float = 0.5, size: int = 3000) -> Path:
    """Overwrite a part of the frames with zeros."""
    data = bytearray(clip.read_bytes())
    start = data.index(b"mdat") + int((len(data) - data.index(b"mdat")) * at)
    data[start : start + size] = bytes(size)
    clip.write_bytes(data)
    return clip


def test_damaged_frames_in_the_middle_are_no_reason_to_refuse_a_clip(make_clip: ClipMaker, tmp_path: Path) -> None:
    clip = damaged(make_clip(frames=72, size=(320, 180), lively=True))
    assert probe(clip).frames == 72
    thumbnail(clip, tmp_path / "small.jpg")
    extract_frame(clip, "last", tmp_path / "last.png")
    for picture in ("small.jpg", "last.png"):
        assert (probe(tmp_path / picture).width, probe(tmp_path / picture).height) == (320, 180)
    reel = assemble_reel([clip, make_clip("b.mp4", size=(64, 48))], tmp_path / "reel.mp4")
    assert reel.frames == 96
