"""Sound and meshes are known by their bytes: length, channels, rate, codec and loudness; triangles; and what is wrong with a file."""

from __future__ import annotations

import io
import json
import struct
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from av.audio.stream import AudioStream
from PIL import Image

from animatic.errors import BadClipError
from animatic.media import MeshFacts, SoundFacts, kind_of, measure, probe_mesh, probe_sound, waveform
from tests.krea_double import clip_bytes, mesh_bytes, sound_bytes, still_bytes

RATE = 48_000
FULL = 32_767


def tone(path: Path, *, level: float, seconds: float = 4.0, channels: int = 2, form: str = "wav", codec: str = "pcm_s16le") -> Path:
    """Write a tone of 997 Hz, as loudness meters are checked with; ``level`` in dB below full scale."""
    wave = np.sin(np.arange(int(seconds * RATE)) * 2 * np.pi * 997 / RATE) * FULL * 10 ** (level / 20)
    samples = np.repeat(wave.astype(np.int16)[:, None], channels, axis=1)
    with av.open(str(path), "w", format=form) as output:
        stream = output.add_stream(codec, rate=RATE, layout="stereo" if channels == 2 else "mono")
        assert isinstance(stream, AudioStream)
        for begin in range(0, len(samples), 960):
            block = np.ascontiguousarray(samples[begin : begin + 960]).reshape(1, -1)
            frame = av.AudioFrame.from_ndarray(block, format="s16", layout="stereo" if channels == 2 else "mono")
            frame.sample_rate, frame.pts = RATE, begin
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return path


@pytest.mark.parametrize(
    ("channels", "level", "loudness"),
    [(2, -23.0, -23.0), (2, -10.0, -10.0), (1, -20.0, -23.0)],  # EBU Tech 3341: a stereo tone at -23 dBFS is -23 LUFS
)
def test_loudness_is_that_of_the_recommendation(tmp_path: Path, channels: int, level: float, loudness: float) -> None:
    facts = probe_sound(tone(tmp_path / "tone.wav", level=level, channels=channels))
    assert facts.loudness == pytest.approx(loudness, abs=0.15)
    assert (facts.channels, facts.sample_rate, facts.duration, facts.codec) == (channels, RATE, 4.0, "pcm_s16le")


@pytest.mark.parametrize(
    ("name", "form", "codec", "mime"),
    [
        ("a.mp3", "mp3", "libmp3lame", "audio/mpeg"),
        ("a.m4a", "ipod", "aac", "audio/mp4"),
        ("a.mp4", "mp4", "aac", "audio/mp4"),
        ("a.ogg", "ogg", "libopus", "audio/ogg"),
        ("a.flac", "flac", "flac", "audio/flac"),
        ("a.webm", "webm", "libopus", "audio/webm"),
    ],
)
def test_every_container_of_sound_is_measured_whatever_its_name_says(tmp_path: Path, name: str, form: str, codec: str, mime: str) -> None:
    written = tone(tmp_path / name, level=-18.0, seconds=2.0, form=form, codec=codec)
    facts = measure(written.rename(tmp_path / "what Krea delivered"))
    assert isinstance(facts, SoundFacts)
    assert (kind_of(facts), facts.mime, facts.channels, facts.sample_rate) == ("audio", mime, 2, RATE)
    assert facts.duration == pytest.approx(2.0, abs=0.06)
    assert facts.loudness == pytest.approx(-18.0, abs=0.5)


def test_silence_has_no_loudness(tmp_path: Path) -> None:
    assert probe_sound(tone(tmp_path / "silence.wav", level=-200.0)).loudness is None


def test_what_is_shorter_than_a_block_of_the_meter_has_a_length_all_the_same(tmp_path: Path) -> None:
    facts = probe_sound(tone(tmp_path / "click.wav", level=-10.0, seconds=0.05))
    assert facts.duration == 0.05


def test_a_clip_with_sound_is_a_clip(tmp_path: Path) -> None:
    path = tmp_path / "c.bin"
    path.write_bytes(clip_bytes())
    assert kind_of(measure(path)) == "video"
    path.write_bytes(still_bytes())
    assert kind_of(measure(path)) == "image"


def test_a_clip_is_opened_once_to_be_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "c.bin"
    path.write_bytes(clip_bytes())
    opened: list[object] = []
    really = av.open

    def count(*about: Any, **more: Any) -> Any:
        opened.append(about)
        return really(*about, **more)

    monkeypatch.setattr(av, "open", count)
    assert kind_of(measure(path)) == "video"
    assert len(opened) == 1


def test_a_sound_that_was_cut_on_its_way_is_told_from_a_short_one(tmp_path: Path) -> None:
    whole = tone(tmp_path / "tone.wav", level=-20.0)
    whole.write_bytes(whole.read_bytes()[:100_000])
    with pytest.raises(BadClipError, match="is cut") as caught:
        measure(whole)
    assert caught.value.code == "cut"


@pytest.mark.parametrize("content", [b"", b"<html>sorry</html>", b'{"error": "no"}', b"ID3" + bytes(200)])
def test_what_is_no_sound_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.mp3"
    path.write_bytes(content)
    with pytest.raises(BadClipError):
        measure(path)


def test_a_waveform_shows_where_it_is_loud(tmp_path: Path) -> None:
    path = tmp_path / "half.wav"
    with av.open(str(path), "w", format="wav") as output:
        stream = output.add_stream("pcm_s16le", rate=8000, layout="mono")
        samples = np.concatenate([np.zeros(8000), np.tile([20000, -20000], 4000)]).astype(np.int16)
        frame = av.AudioFrame.from_ndarray(samples.reshape(1, -1), format="s16", layout="mono")
        frame.sample_rate, frame.pts = 8000, 0
        output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    waveform(path, tmp_path / "w.jpg")
    with Image.open(tmp_path / "w.jpg") as picture:
        bright = np.asarray(picture.convert("L")) > 128
    left, right = bright[:, :230].mean(), bright[:, 250:].mean()
    assert left < 0.02
    assert right > 0.8


def test_a_mesh_says_what_it_holds(tmp_path: Path) -> None:
    path = tmp_path / "m.bin"
    path.write_bytes(mesh_bytes())
    facts = measure(path)
    assert facts == MeshFacts(mime="model/gltf-binary", meshes=1, triangles=1)
    assert kind_of(facts) == "3d"


def with_scene(scene: object) -> bytes:
    text = json.dumps(scene).encode()
    return b"glTF" + struct.pack("<II", 2, 20 + len(text)) + struct.pack("<II", len(text), 0x4E4F534A) + text


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (mesh_bytes()[:-8], "cut"),
        (mesh_bytes()[:15], "cut"),
        (b"glTF" + struct.pack("<II", 1, 40) + bytes(28), "not_a_mesh"),
        (b"glTF" + struct.pack("<II", 2, 40) + struct.pack("<II", 20, 0x004E4942) + bytes(20), "damaged"),
        (b"glTF" + struct.pack("<II", 2, 24) + struct.pack("<II", 4, 0x4E4F534A) + b"{no}", "damaged"),
        (with_scene({"asset": {"version": "2.0"}}), "no_mesh"),
        (with_scene([]), "no_mesh"),
        (b"solid cube\nfacet normal", "not_a_mesh"),
        (b"", "not_a_mesh"),
    ],
)
def test_what_is_no_whole_mesh_is_refused(tmp_path: Path, content: bytes, code: str) -> None:
    path = tmp_path / "m.glb"
    path.write_bytes(content)
    with pytest.raises(BadClipError) as caught:
        probe_mesh(path)
    assert caught.value.code == code


def test_odd_scenes_count_what_they_say_and_never_crash(tmp_path: Path) -> None:
    path = tmp_path / "m.glb"
    odd = {"meshes": [1, {"primitives": [2, {"mode": 1}, {"indices": 7}, {"indices": 0}]}], "accessors": [{"count": 9}]}
    path.write_bytes(with_scene(odd))
    assert probe_mesh(path).triangles == 3


def test_sounds_of_the_double_are_what_they_are_taken_for() -> None:
    with av.open(io.BytesIO(sound_bytes())) as container:
        assert container.streams.audio[0].rate == 44_100
