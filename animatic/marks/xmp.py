"""Writes and reads XMP packets: the mark as properties of IPTC and of animatic.

A packet that is there already keeps what it says: the mark is put into it.
"""

from __future__ import annotations

import html
import re
from xml.sax.saxutils import quoteattr

from animatic.marks.model import Mark

NAMESPACE = "urn:animatic:marks:1.0:"
_ID = "W5M0MpCehiHzreSzNTczkc9d"
"""The identifier that the XMP specification gives every packet."""
_DESCRIPTION = re.compile(rb"<rdf:Description[^>]*xmlns:animatic=\"" + NAMESPACE.encode() + rb"\"[^>]*/>")
_ATTRIBUTE = re.compile(r"([\w]+:[\w]+)=(?:\"([^\"]*)\"|'([^']*)')")
_END = b"</rdf:RDF>"


def packet(mark: Mark, before: bytes | None = None) -> bytes:
    """Return a packet (UTF-8) with the mark; ``before``: the packet that the file holds, kept but for an earlier mark."""
    description = _description(mark)
    if before is not None and _END in before:
        kept = _DESCRIPTION.sub(b"", before)
        at = kept.rindex(_END)
        return kept[:at] + description + kept[at:]
    return b"".join(
        (
            f'<?xpacket begin="\ufeff" id="{_ID}"?>'.encode(),
            b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">',
            description,
            b'</rdf:RDF></x:xmpmeta><?xpacket end="r"?>',
        )
    )


def mark_of(data: bytes) -> Mark | None:
    """Return the mark that a packet holds, None if there is none in it."""
    found = _DESCRIPTION.search(data)
    if found is None:
        return None
    values = {name: html.unescape(double or single) for name, double, single in _ATTRIBUTE.findall(found[0].decode(errors="replace"))}
    try:
        mark = Mark(
            run=values["animatic:Run"],
            pipeline=values["animatic:Pipeline"],
            shot=values["animatic:Shot"],
            model=values["animatic:Model"],
            simulated=values["animatic:Simulated"] == "True",
            software=values["xmp:CreatorTool"],
        )
    except KeyError:
        return None
    # Somebody who changed one of the two did not mark it so.
    return mark if values.get("Iptc4xmpExt:DigitalSourceType") == mark.source_type else None


def _description(mark: Mark) -> bytes:
    attributes = {
        "rdf:about": "",
        "xmlns:xmp": "http://ns.adobe.com/xap/1.0/",
        "xmlns:Iptc4xmpExt": "http://iptc.org/std/Iptc4xmpExt/2008-02-29/",
        "xmlns:animatic": NAMESPACE,
        "Iptc4xmpExt:DigitalSourceType": mark.source_type,
        "Iptc4xmpExt:AISystemUsed": mark.model,
        "xmp:CreatorTool": mark.software,
        "animatic:Run": mark.run,
        "animatic:Pipeline": mark.pipeline,
        "animatic:Shot": mark.shot,
        "animatic:Model": mark.model,
        "animatic:Simulated": str(mark.simulated),
    }
    # quoteattr chooses quotes by the content; an escaped double quote keeps them the same everywhere.
    written = " ".join(f'{name}="{quoteattr(value)[1:-1].replace(chr(34), "&quot;")}"' for name, value in attributes.items())
    return f"<rdf:Description {written}/>".encode()
