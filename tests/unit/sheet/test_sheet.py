"""The storyboard sheet, read back as another program reads a PDF: its pages, its texts, its pictures."""

from __future__ import annotations

import re
import zlib
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from fpdf import FPDF
from fpdf.enums import MethodReturnValue
from PIL import Image

from animatic.lettering import fonts
from animatic.sheet import PAPERS, Paper, Sheet, SheetShot
from animatic.sheet import typeface as typefaces
from animatic.sheet.write import write_sheet

SIZES = {"a4": (595.28, 841.89), "letter": (612.0, 792.0)}


def sheet(*shots: SheetShot, simulated: bool = False) -> Sheet:
    return Sheet(title="Coast", footer="run 1", simulated=simulated, made_at=datetime(2026, 1, 1, tzinfo=UTC), shots=shots)


def shot(number: int, **more: object) -> SheetShot:
    return replace(SheetShot(number=f"{number:02}", name=f"shot{number}"), **more)  # type: ignore[arg-type]


class Printed:
    """What is in a PDF: sizes of pages, what is drawn on each, and the characters that its fonts can show."""

    def __init__(self, path: Path) -> None:
        data = path.read_bytes()
        boxes = re.findall(rb"/MediaBox \[0 0 ([\d.]+) ([\d.]+)\]", data)
        self.sizes = [(float(width), float(height)) for width, height in boxes]
        bodies = re.findall(rb"stream\n(.*?)\nendstream", data, re.DOTALL)
        streams = [zlib.decompress(body) if body[:1] == b"x" else body for body in bodies]
        self.pages = [stream for stream in streams if b" re S" in stream or b" l S" in stream]
        self.characters = "".join(
            bytes.fromhex(code.decode()).decode("utf-16-be", "replace")
            for stream in streams
            if b"begincmap" in stream
            for code in re.findall(rb"> <((?:[0-9A-F]{4})+)>\n", stream)
        )
        self.pictures = len(re.findall(rb"/Subtype /Image", data))


@pytest.mark.parametrize("paper", PAPERS)
def test_six_frames_stand_on_a_page(tmp_path: Path, paper: Paper) -> None:
    target = tmp_path / "sheet.pdf"
    write_sheet(sheet(*(shot(number) for number in range(1, 8))), target, paper)
    printed = Printed(target)
    assert printed.sizes[0] == pytest.approx(SIZES[paper], abs=0.1)
    assert [page.count(b" re S") for page in printed.pages] == [6, 1], "one frame each"


@pytest.mark.parametrize(
    "text", ["Slow push over the rooftops", "AVAVAV To Ty fi ffl", "x" * 38, "WWWWWWWWWWWWWW", "iiii llll .... ||||", "a b"]
)
def test_a_text_that_surely_fits_is_one_line_however_it_is_broken(text: str) -> None:
    pdf = FPDF(unit="pt")
    pdf.c_margin = 0
    pdf.add_page()
    face = typefaces.Typeface(pdf, [text])
    face.put("Shot", (0, 0), 100, 8)
    whole = pdf.get_string_width(text)
    widths = [whole * part / 100 for part in range(90, 130)]
    surely = [width for width in widths if face._surely_fits(text, width, 8)]
    if fonts.usual_face() is not None:  # without a font of the machine, every text is broken
        assert 0 < len(surely) < len(widths), "so near to what is broken that most texts of a sheet are not"
    for width in surely:
        assert pdf.multi_cell(width, 10, text, dry_run=True, output=MethodReturnValue.LINES, padding=0) == [text]
    pdf.output()  # closes the fonts


def test_pictures_are_put_in_and_one_that_does_not_open_leaves_its_frame_empty(tmp_path: Path) -> None:
    still, broken = tmp_path / "still.png", tmp_path / "broken.jpg"
    Image.new("RGB", (4000, 3000), (200, 30, 30)).save(still)
    broken.write_bytes(b"\xff\xd8\xff")
    target = tmp_path / "sheet.pdf"
    write_sheet(sheet(shot(1, picture=still), shot(2, picture=broken), shot(3, picture=tmp_path / "gone.png")), target)
    assert Printed(target).pictures == 1
    assert target.stat().st_size < 400_000, "pictures have the size that paper needs"


@pytest.mark.parametrize("text", ["Привет", "Ωραία", "مرحبا", "שלום", "नमस्ते", "ภาษา", "日本語の朝"])
def test_every_script_is_written_with_letters_of_a_font(tmp_path: Path, text: str) -> None:
    if any(fonts.face_of(letter) is None for letter in text):
        pytest.fail("the fonts extra is part of the test installation")
    target = tmp_path / "sheet.pdf"
    write_sheet(sheet(shot(1, title=text, action=text, line=text)), target)
    shown = set(Printed(target).characters)
    assert {letter for letter in text if letter not in shown} == set()


def test_a_long_text_is_cut_and_stays_in_its_place(tmp_path: Path) -> None:
    short, long = tmp_path / "short.pdf", tmp_path / "long.pdf"
    write_sheet(sheet(shot(1, action="word " * 20)), short)
    write_sheet(sheet(shot(1, action="word " * 2_000, title="title " * 300, line="line " * 300)), long)
    assert long.stat().st_size < 2 * short.stat().st_size
    assert "…" in Printed(long).characters


@pytest.mark.parametrize(
    ("title", "least"),
    [
        ("01 · title-card · タイトルカード、夜明けの港町、静かな波の音がする", 0.8),
        ("02 · dawn-over-the-very-old-harbour-of-lisbon-and-its-river", 0.8),
        ("03 · surf · Größe, façade and a few more words than fit into a line", 0.6),
    ],
)
def test_a_line_that_is_cut_is_filled(title: str, least: float) -> None:
    pdf = FPDF(unit="pt")
    pdf.c_margin = 0
    pdf.add_page()
    face = typefaces.Typeface(pdf, [title, typefaces.ELLIPSIS])
    face.put("Shot", (0, 0), 180, 9)
    kept = face._shortened(title, 180)
    assert kept.endswith("…")
    assert title.startswith(kept.removesuffix("…").rstrip())
    assert 180 * least < pdf.get_string_width(kept) <= 180
    pdf.output()  # closes the fonts


@pytest.mark.parametrize("action", ["波は低く、空は薄紅色に染まる。" * 40, "one two three four " * 60, "x" * 900, "กำลังเดินทางไปที่ท่า" * 40])
def test_what_is_cut_goes_on_where_the_line_before_ended(action: str) -> None:
    pdf = FPDF(unit="pt")
    pdf.c_margin = 0
    pdf.add_page()
    face = typefaces.Typeface(pdf, [action, typefaces.ELLIPSIS])
    face.put("Shot", (0, 0), 180, 9)
    lines = face._lines(action.strip(), 180, 9)[:3]
    assert action.replace(" ", "").startswith("".join(lines).replace(" ", ""))
    rest = typefaces._rest(action, lines)
    assert ("".join(lines) + rest).replace(" ", "") == action.replace(" ", "")
    pdf.output()


def test_the_same_storyboard_is_the_same_file(tmp_path: Path) -> None:
    for name in ("one.pdf", "two.pdf"):
        write_sheet(sheet(shot(1, action="Dawn")), tmp_path / name)
    assert (tmp_path / "one.pdf").read_bytes() == (tmp_path / "two.pdf").read_bytes()


def test_a_machine_without_fonts_prints_what_western_letters_can_say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(typefaces, "usual_face", lambda: None)
    monkeypatch.setattr(typefaces, "face_of", lambda _: None)
    target = tmp_path / "sheet.pdf"
    write_sheet(sheet(shot(1, action="Café, “日本” " * 200)), target)
    assert b"Caf" in Printed(target).pages[0]


def test_a_simulated_sheet_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(typefaces, "usual_face", lambda: None)
    monkeypatch.setattr(typefaces, "face_of", lambda _: None)
    target = tmp_path / "sheet.pdf"
    write_sheet(sheet(shot(1), simulated=True), target)
    assert b"SIMULATED" in Printed(target).pages[0]


def test_a_scene_is_named_where_it_begins_and_at_the_top_of_each_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(typefaces, "usual_face", lambda: None)
    monkeypatch.setattr(typefaces, "face_of", lambda _: None)
    target = tmp_path / "sheet.pdf"
    scenes = [*["ONE"] * 2, *["TWO"] * 5, "", "TWO"]
    write_sheet(sheet(*(shot(number, scene=scene) for number, scene in enumerate(scenes, start=1))), target)
    named = [re.findall(rb"ONE|TWO", page) for page in Printed(target).pages]
    assert named == [[b"ONE", b"TWO"], [b"TWO", b"TWO"]]
