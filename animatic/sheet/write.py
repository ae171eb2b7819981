"""Draws a storyboard sheet: six frames to a page, on A4 or letter."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path

from fpdf import FPDF
from fpdf.enums import Align
from PIL import Image, UnidentifiedImageError

from animatic.files import write_whole
from animatic.sheet.model import Paper, Sheet, SheetShot
from animatic.sheet.typeface import Typeface

_COLUMNS, _ROWS = 2, 3
_MARGIN, _GUTTER, _HEAD, _FOOT = 34.0, 18.0, 34.0, 20.0
"""Points: around the page, between columns, and for its first and last lines."""
_FRAME = 9 / 16
_SMALL, _TEXT, _NAME, _TITLE = 6.8, 7.8, 9.0, 12.0
_GRAY, _PALE = 105, 190
_ACTION_LINES, _LINE_LINES = 4, 2
_NOTE_GAP = 13.0
_PICTURE_PIXELS = 900
"""Width in which pictures are put in: 240 dots an inch on paper."""


def write_sheet(sheet: Sheet, target: Path, paper: Paper = "a4") -> None:
    """Write the sheet as a PDF, whole or not at all. Pictures that do not open leave their frames empty. Raises OSError."""
    pdf = FPDF(orientation="P", unit="pt", format=paper)
    pdf.set_auto_page_break(auto=False)
    pdf.set_margin(0)
    pdf.c_margin = 0
    pdf.set_title(sheet.title)
    pdf.set_creator("animatic")
    pdf.set_creation_date(sheet.made_at)  # not the moment of printing: the same storyboard is the same file
    typeface = Typeface(pdf, _texts(sheet))
    pages = max(1, -(-len(sheet.shots) // (_COLUMNS * _ROWS)))
    for page in range(pages):
        pdf.add_page()
        _frame_of_page(pdf, typeface, sheet, page + 1, pages)
        scene = ""  # is named where it begins, and again at the top of each page
        for place, shot in enumerate(sheet.shots[page * _COLUMNS * _ROWS : (page + 1) * _COLUMNS * _ROWS]):
            _cell(pdf, typeface, shot, _area(pdf, place), scene=shot.scene if shot.scene != scene else "")
            scene = shot.scene
    write_whole(target, bytes(pdf.output()))


@dataclass(frozen=True, slots=True)
class _Area:
    """A place on the page, in points."""

    x: float
    y: float
    width: float
    height: float


def _area(pdf: FPDF, place: int) -> _Area:
    width = (pdf.w - 2 * _MARGIN - (_COLUMNS - 1) * _GUTTER) / _COLUMNS
    height = (pdf.h - 2 * _MARGIN - _HEAD - _FOOT) / _ROWS
    row, column = divmod(place, _COLUMNS)
    return _Area(_MARGIN + column * (width + _GUTTER), _MARGIN + _HEAD + row * height, width, height)


def _frame_of_page(pdf: FPDF, typeface: Typeface, sheet: Sheet, page: int, pages: int) -> None:
    width = pdf.w - 2 * _MARGIN
    typeface.put(sheet.title, (_MARGIN, _MARGIN), width * 0.62, _TITLE, lines=2)
    typeface.put(sheet.subtitle, (_MARGIN + width * 0.64, _MARGIN + 5), width * 0.36, _TEXT, color=_GRAY, align=Align.R)
    bottom = pdf.h - _MARGIN - _SMALL
    typeface.put(f"{page} / {pages}", (_MARGIN, bottom), width, _SMALL, color=_GRAY, align=Align.R)
    mark = "SIMULATED, no model made these pictures" if sheet.simulated else ""
    typeface.put(" · ".join(filter(None, (mark, sheet.footer))), (_MARGIN, bottom), width * 0.9, _SMALL, color=_GRAY)


def _cell(pdf: FPDF, typeface: Typeface, shot: SheetShot, area: _Area, *, scene: str) -> None:
    picture_height = area.width * _FRAME
    _picture(pdf, typeface, shot, _Area(area.x, area.y, area.width, picture_height))
    y = area.y + picture_height + 4
    y += typeface.put(scene, (area.x, y), area.width, _TEXT, color=_GRAY)
    times = _times(shot)
    typeface.put(times, (area.x, y), area.width, _TEXT, color=_GRAY, align=Align.R)
    room = area.width * (0.68 if times else 1)
    y += typeface.put(" · ".join(filter(None, (shot.number, shot.name, shot.title))), (area.x, y), room, _NAME)
    y += typeface.put(shot.action, (area.x, y), area.width, _TEXT, lines=_ACTION_LINES)
    if shot.line:
        y += typeface.put(f"“{shot.line}”", (area.x, y), area.width, _TEXT, lines=_LINE_LINES, color=_GRAY)
    origin = "; ".join(
        (*shot.lineage, *([f"with {', '.join(shot.cast)}"] if shot.cast else ()), *([shot.note] if shot.note and shot.picture else ()))
    )
    y += typeface.put(origin, (area.x, y), area.width, _SMALL, color=_GRAY)
    pdf.set_draw_color(_PALE)
    pdf.set_line_width(0.4)
    y += _NOTE_GAP
    while y < area.y + area.height - 8:  # lines to write on
        pdf.line(area.x, y, area.x + area.width, y)
        y += _NOTE_GAP


def _times(shot: SheetShot) -> str:
    length = "" if shot.seconds is None else f"{shot.seconds:g} s"
    place = "" if shot.begin is None or shot.end is None else f"{_clock(shot.begin)} - {_clock(shot.end)}"
    return " · ".join(filter(None, (length, place)))


def _clock(seconds: float) -> str:
    return f"{int(seconds // 60)}:{seconds % 60:04.1f}"


def _picture(pdf: FPDF, typeface: Typeface, shot: SheetShot, area: _Area) -> None:
    pdf.set_draw_color(_PALE)
    pdf.set_line_width(0.6)
    loaded = _loaded(shot.picture)
    if loaded is None:
        if shot.note:
            typeface.put(shot.note, (area.x + 8, area.y + area.height / 2 - 8), area.width - 16, _TEXT, lines=3, color=_GRAY, align=Align.C)
    else:
        data, width, height = loaded
        scale = min(area.width / width, area.height / height)
        shown = (width * scale, height * scale)
        pdf.image(data, area.x + (area.width - shown[0]) / 2, area.y + (area.height - shown[1]) / 2, *shown)
    pdf.rect(area.x, area.y, area.width, area.height)


def _loaded(path: Path | None) -> tuple[io.BytesIO, int, int] | None:
    """Return a picture as JPEG of the size that paper needs, with its width and height; None where there is none that opens."""
    if path is None:
        return None
    try:
        with Image.open(path) as image:
            small = image.convert("RGB")
    except (OSError, UnidentifiedImageError, Image.DecompressionBombError, SyntaxError):
        return None
    small.thumbnail((_PICTURE_PIXELS, _PICTURE_PIXELS))
    data = io.BytesIO()
    small.save(data, "JPEG", quality=85)
    data.seek(0)
    return data, *small.size


def _texts(sheet: Sheet) -> list[str]:
    """Return every text of the sheet: their characters tell which fonts it needs."""
    of_shots = [
        part
        for shot in sheet.shots
        for part in (shot.scene, shot.name, shot.title, shot.action, shot.line, shot.note, *shot.lineage, *shot.cast)
    ]
    return [sheet.title, sheet.subtitle, sheet.footer, *of_shots]
