"""Marks of origin: written into every format that is delivered, read back, and nothing of the picture or sound is touched."""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest
from av.audio.frame import AudioFrame
from av.video.frame import VideoFrame
from PIL import Image

from animatic.formats import HEAD_BYTES, identify
from animatic.marks import ALGORITHMIC, TRAINED, Mark, read_mark, write_marked
from tests.present import present

MARK = Mark(
    run="20261127T060000Z-aaaaaa",
    pipeline="coast",
    shot='de/dawn "one" & <two> — 日本',
    model="xai/grok-video",
    simulated=False,
    software="animatic 9.9.9",
)


def clip(path: Path, container: str, codec: str = "libx264", sound: str = "aac", **options: str) -> Path:
    with av.open(str(path), "w", format=container, options=options) as output:
        output.metadata["title"] = "Kept"
        video = output.add_stream(codec, rate=12)
        assert isinstance(video, av.VideoStream)
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        audio = output.add_stream(sound, rate=48000)
        assert isinstance(audio, av.AudioStream)
        for index in range(12):
            pixels = np.full((48, 64, 3), 20 * index, dtype=np.uint8)
            output.mux(video.encode(VideoFrame.from_ndarray(pixels, format="rgb24")))
        _sound(output, audio)
        output.mux(video.encode(None))
        output.mux(audio.encode(None))
    return path


def _sound(output: av.container.OutputContainer, stream: av.AudioStream) -> None:
    samples = (np.sin(np.arange(48000) / 20) * 8000).astype(np.int16)
    for at in range(0, 48000, 960):
        frame = AudioFrame.from_ndarray(samples[None, at : at + 960], format="s16", layout="mono")
        frame.sample_rate, frame.pts = 48000, at
        output.mux(stream.encode(frame))


def sound(path: Path, container: str, codec: str, **options: str) -> Path:
    with av.open(str(path), "w", format=container, options=options) as output:
        output.metadata["title"] = "Kept"
        stream = output.add_stream(codec, rate=48000)
        assert isinstance(stream, av.AudioStream)
        _sound(output, stream)
        output.mux(stream.encode(None))
    return path


def picture(path: Path, **options: object) -> Path:
    Image.effect_noise((63, 41), 80).convert("RGB").save(path, **options)  # type: ignore[arg-type]
    return path


def mesh(path: Path) -> Path:
    text = json.dumps({"asset": {"version": "2.0", "extras": {"artist": "somebody"}}, "scenes": [{}]}).encode()
    text += b" " * (-len(text) % 4)
    body = struct.pack("<I", len(text)) + b"JSON" + text + struct.pack("<I", 8) + b"BIN\0" + b"12345678"
    path.write_bytes(b"glTF" + struct.pack("<II", 2, 12 + len(body)) + body)
    return path


FILES: dict[str, Callable[[Path], Path]] = {
    "index-last.mp4": lambda path: clip(path, "mp4"),
    "index-first.mp4": lambda path: clip(path, "mp4", movflags="+faststart"),
    "fragmented.mp4": lambda path: clip(path, "mp4", movflags="frag_keyframe+empty_moov"),
    "clip.mov": lambda path: clip(path, "mov", movflags="+faststart"),
    "clip.webm": lambda path: clip(path, "webm", "libvpx", "libopus"),
    "sound.m4a": lambda path: sound(path, "ipod", "aac"),
    "sound.wav": lambda path: sound(path, "wav", "pcm_s16le"),
    "sound.mp3": lambda path: sound(path, "mp3", "libmp3lame"),
    "old-tag.mp3": lambda path: sound(path, "mp3", "libmp3lame", id3v2_version="3"),
    "no-tag.mp3": lambda path: sound(path, "mp3", "libmp3lame", id3v2_version="0", write_xing="0"),
    "sound.flac": lambda path: sound(path, "flac", "flac"),
    "sound.ogg": lambda path: sound(path, "ogg", "libopus"),
    "still.png": picture,
    "still.jpg": picture,
    "simple.webp": picture,
    "extended.webp": lambda path: picture(path, exif=b"Exif\0\0MM\0*\0\0\0\x08\0\0\0\0\0\0"),
    "mesh.glb": mesh,
}


def mime_of(path: Path) -> str:
    return present(identify(path.read_bytes()[:HEAD_BYTES])).mime


def decoded(path: Path) -> list[str]:
    """What every picture and every bit of sound in a file decodes to."""
    if path.suffix in {".png", ".jpg", ".webp"}:
        with Image.open(path) as image:
            return [hashlib.sha256(image.convert("RGBA").tobytes()).hexdigest()]
    if path.suffix == ".glb":
        return [path.read_bytes()[-16:].hex()]
    with av.open(str(path)) as container:
        return [
            f"{frame.pts} {hashlib.sha256(frame.to_ndarray().tobytes()).hexdigest()}"
            for frame in container.decode()
            if isinstance(frame, VideoFrame | AudioFrame)
        ]


@pytest.mark.parametrize("name", FILES)
def test_a_mark_is_read_back_and_nothing_else_changes(tmp_path: Path, name: str) -> None:
    source, target = FILES[name](tmp_path / name), tmp_path / f"marked-{name}"

    marked = write_marked(source, target, MARK, mime_of(source))

    assert marked.how == "marked"
    assert marked.sha256 == hashlib.sha256(target.read_bytes()).hexdigest()
    assert marked.size == target.stat().st_size
    assert mime_of(target) == mime_of(source)
    assert read_mark(target, mime_of(target)) == MARK
    assert read_mark(source, mime_of(source)) is None
    assert decoded(target) == decoded(source)


@pytest.mark.parametrize("name", FILES)
def test_the_same_file_and_mark_give_the_same_bytes(tmp_path: Path, name: str) -> None:
    source = FILES[name](tmp_path / name)

    first, second = (write_marked(source, tmp_path / f"{number}-{name}", MARK, mime_of(source)) for number in (1, 2))

    assert first == second


@pytest.mark.parametrize("name", FILES)
def test_a_second_mark_takes_the_place_of_the_first(tmp_path: Path, name: str) -> None:
    source, once, twice = FILES[name](tmp_path / name), tmp_path / f"1-{name}", tmp_path / f"2-{name}"
    other = replace(MARK, run="another", simulated=True)

    write_marked(source, once, MARK, mime_of(source))
    write_marked(once, twice, other, mime_of(source))

    assert read_mark(twice, mime_of(source)) == other
    assert decoded(twice) == decoded(source)


@pytest.mark.parametrize("name", ["index-last.mp4", "index-first.mp4", "sound.mp3", "old-tag.mp3", "clip.webm", "sound.flac"])
def test_players_show_the_mark_as_a_comment_and_the_title_stays(tmp_path: Path, name: str) -> None:
    source, target = FILES[name](tmp_path / name), tmp_path / f"marked-{name}"

    write_marked(source, target, MARK, mime_of(source))

    with av.open(str(target)) as container:
        tags = {key.lower(): value for key, value in container.metadata.items()}
    assert tags["comment"].startswith("AI-generated (xai/grok-video); coast / de/dawn")
    assert tags["title"] == "Kept"


def test_pillow_reads_the_digital_source_type_of_a_picture(tmp_path: Path) -> None:
    for name in ("still.png", "still.jpg", "simple.webp"):
        source, target = FILES[name](tmp_path / name), tmp_path / f"marked-{name}"
        write_marked(source, target, MARK, mime_of(source))
        with Image.open(target) as image:
            written = image.info.get("xmp") or image.info["XML:com.adobe.xmp"]
        assert TRAINED in (written.decode() if isinstance(written, bytes) else written)


def test_what_a_picture_says_already_stays(tmp_path: Path) -> None:
    said = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="r"><rdf:Description dc:creator="Krea"/></rdf:RDF></x:xmpmeta>'
    source, target = tmp_path / "still.jpg", tmp_path / "marked.jpg"
    Image.new("RGB", (8, 8)).save(source, xmp=said)

    write_marked(source, target, MARK, "image/jpeg")

    with Image.open(target) as image:
        assert b'dc:creator="Krea"' in image.info["xmp"]
    assert read_mark(target, "image/jpeg") == MARK


def test_simulated_files_say_so() -> None:
    simulated = replace(MARK, simulated=True)

    assert simulated.source_type == ALGORITHMIC
    assert simulated.sentence.startswith("SIMULATED")


def test_a_mark_whose_words_contradict_each_other_is_none(tmp_path: Path) -> None:
    source, target = FILES["still.png"](tmp_path / "still.png"), tmp_path / "marked.jpg"
    Image.open(source).save(tmp_path / "still.jpg")
    write_marked(tmp_path / "still.jpg", target, replace(MARK, simulated=True), "image/jpeg")

    target.write_bytes(target.read_bytes().replace(b'Simulated="True"', b'Simulated="False"'))

    assert read_mark(target, "image/jpeg") is None


@pytest.mark.parametrize("kind", ["mp4", "png", "jpg"])
def test_a_file_with_credentials_of_its_maker_is_left_as_it_is(tmp_path: Path, kind: str) -> None:
    source, target = tmp_path / f"signed.{kind}", tmp_path / f"delivered.{kind}"
    if kind == "mp4":
        clip(source, "mp4")
        content = bytes.fromhex("d8fec3d61b0e483c92975828877ec481") + b"manifest"
        source.write_bytes(source.read_bytes() + (8 + len(content)).to_bytes(4) + b"uuid" + content)
    elif kind == "png":
        data = picture(source).read_bytes()
        source.write_bytes(data[:33] + (4).to_bytes(4) + b"caBX" + b"abcd" + bytes(4) + data[33:])
    else:
        data = picture(source).read_bytes()
        source.write_bytes(data[:2] + b"\xff\xeb" + (22).to_bytes(2) + b"JP\0\0\0\0\0\0jumbc2pa...." + data[2:])

    marked = write_marked(source, target, MARK, mime_of(source))

    assert marked.how == "credentials"
    assert target.read_bytes() == source.read_bytes()


@pytest.mark.parametrize("mime", ["image/gif", "video/x-msvideo", "application/pdf"])
def test_a_format_without_a_place_for_marks_is_delivered_as_it_is(tmp_path: Path, mime: str) -> None:
    source, target = tmp_path / "file", tmp_path / "delivered"
    source.write_bytes(b"anything")

    assert write_marked(source, target, MARK, mime).how == "unmarked"
    assert target.read_bytes() == b"anything"


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("left", [13, 40, 0.5, 0.97])
def test_a_file_that_is_cut_off_is_copied_rather_than_broken(tmp_path: Path, name: str, left: float) -> None:
    source, target = FILES[name](tmp_path / name), tmp_path / f"marked-{name}"
    mime, data = mime_of(source), source.read_bytes()
    source.write_bytes(data[: left if isinstance(left, int) else int(len(data) * left)])

    marked = write_marked(source, target, MARK, mime)

    assert marked.sha256 == hashlib.sha256(target.read_bytes()).hexdigest()
    read_mark(target, mime)
