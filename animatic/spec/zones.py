"""Checks the names of time zones, and advises on those that are none: never a zone of another offset."""

from __future__ import annotations

import functools
import re
import zoneinfo

from animatic.suggest import nearest

_ABBREVIATIONS = {
    "PST": "America/Los_Angeles", "PDT": "America/Los_Angeles", "PT": "America/Los_Angeles",
    "MDT": "America/Denver", "MT": "America/Denver",
    "CST": "America/Chicago or Asia/Shanghai", "CDT": "America/Chicago", "CT": "America/Chicago",
    "EDT": "America/New_York", "ET": "America/New_York",
    "AKST": "America/Anchorage", "AKDT": "America/Anchorage", "HDT": "Pacific/Honolulu",
    "AST": "America/Halifax or Asia/Riyadh", "ADT": "America/Halifax", "NST": "America/St_Johns", "NDT": "America/St_Johns",
    "BRT": "America/Sao_Paulo", "ART": "America/Argentina/Buenos_Aires", "CLT": "America/Santiago", "COT": "America/Bogota",
    "BST": "Europe/London", "WEST": "Europe/Lisbon", "CEST": "Europe/Berlin or Europe/Paris", "MEZ": "Europe/Berlin",
    "MESZ": "Europe/Berlin", "EEST": "Europe/Athens or Europe/Helsinki", "MSK": "Europe/Moscow", "TRT": "Europe/Istanbul",
    "IST": "Asia/Kolkata, Europe/Dublin or Asia/Jerusalem", "PKT": "Asia/Karachi", "GST": "Asia/Dubai", "WIB": "Asia/Jakarta",
    "ICT": "Asia/Bangkok", "SGT": "Asia/Singapore", "HKT": "Asia/Hong_Kong", "PHT": "Asia/Manila", "JST": "Asia/Tokyo", "KST": "Asia/Seoul",
    "AWST": "Australia/Perth", "ACST": "Australia/Adelaide", "ACDT": "Australia/Adelaide", "AEST": "Australia/Brisbane or Australia/Sydney",
    "AEDT": "Australia/Sydney", "NZST": "Pacific/Auckland", "NZDT": "Pacific/Auckland",
    "WAT": "Africa/Lagos", "CAT": "Africa/Maputo", "EAT": "Africa/Nairobi", "SAST": "Africa/Johannesburg", "Z": "UTC", "UT": "UTC",
}  # fmt: skip
"""Abbreviations that are no names of zones, with the zones that people mean by them."""
_CITIES = {
    "boston": "America/New_York", "washington": "America/New_York", "miami": "America/New_York", "atlanta": "America/New_York",
    "houston": "America/Chicago", "dallas": "America/Chicago", "austin": "America/Chicago",
    "san_francisco": "America/Los_Angeles", "seattle": "America/Los_Angeles", "las_vegas": "America/Los_Angeles",
    "ottawa": "America/Toronto", "rio_de_janeiro": "America/Sao_Paulo", "brasilia": "America/Sao_Paulo", "porto": "Europe/Lisbon",
    "barcelona": "Europe/Madrid", "seville": "Europe/Madrid", "milan": "Europe/Rome", "naples": "Europe/Rome", "geneva": "Europe/Zurich",
    "munich": "Europe/Berlin", "hamburg": "Europe/Berlin", "frankfurt": "Europe/Berlin", "cologne": "Europe/Berlin",
    "lyon": "Europe/Paris", "edinburgh": "Europe/London", "manchester": "Europe/London", "rotterdam": "Europe/Amsterdam",
    "beijing": "Asia/Shanghai", "shenzhen": "Asia/Shanghai", "delhi": "Asia/Kolkata", "new_delhi": "Asia/Kolkata", "mumbai": "Asia/Kolkata",
    "bangalore": "Asia/Kolkata", "osaka": "Asia/Tokyo", "abu_dhabi": "Asia/Dubai", "canberra": "Australia/Sydney",
    "wellington": "Pacific/Auckland", "cape_town": "Africa/Johannesburg",
}  # fmt: skip
"""Cities that people look for and that no zone is named for."""
_OFFSET = re.compile(r"(?:UTC|GMT|Z)?\s*(?P<sign>[+-])\s*(?P<hours>\d{1,2})(?::?(?P<minutes>\d{2}))?\Z", re.IGNORECASE)
_UNEVEN = {
    "+0330": "Asia/Tehran", "+0430": "Asia/Kabul", "+0530": "Asia/Kolkata", "+0545": "Asia/Kathmandu", "+0630": "Asia/Yangon",
    "+0930": "Australia/Darwin", "-0330": "America/St_Johns",
}  # fmt: skip
_MACHINE = {"localtime", "Factory", "posixrules"}
"""Files among the zones that are none, or another on every machine."""
_MIN_LETTERS = 5
"""Of a city's name from which on a name like it may be a slip of the pen rather than another city."""
_ANY = "use the name of a place, such as Europe/Lisbon or America/New_York, or UTC"


@functools.cache
def known_zones() -> frozenset[str]:
    """Return the names of all zones, as Prefect takes them."""
    return frozenset(zoneinfo.available_timezones() - _MACHINE)


def zone_advice(name: str) -> str | None:
    """Return what to write instead of a name that is no time zone; None for one that is."""
    if name in known_zones():
        return None
    text = name.strip()
    same = [zone for zone in sorted(known_zones()) if zone.lower() == text.lower().replace(" ", "_")]
    if same:
        return f"write {same[0]}"
    if text.upper() in _ABBREVIATIONS:
        return f"zones are named for places: {_ABBREVIATIONS[text.upper()]}"
    offset = _OFFSET.match(text)
    return _for_offset(offset) if offset else _for_place(text)


def _for_offset(offset: re.Match[str]) -> str:
    hours, minutes = int(offset["hours"]), int(offset["minutes"] or 0)
    ahead = offset["sign"] == "+"
    if not hours and not minutes:
        return "write UTC"
    if minutes:
        place = _UNEVEN.get(f"{offset['sign']}{hours:02}{minutes:02}")
        return f"zones are named for places: {place}" if place else _ANY
    zone = f"Etc/GMT{'-' if ahead else '+'}{hours}"
    if zone not in known_zones():
        return _ANY
    return f"write {zone} (its sign is turned round), or a place, which keeps summer time"


def _for_place(text: str) -> str:
    region, _, city = text.replace(" ", "_").rpartition("/")
    city = city.lower()
    zones = [zone for zone in sorted(known_zones()) if zone.rpartition("/")[2].lower() == city]
    if zones:
        return f"did you mean {' or '.join(zones)}?"
    if city in _CITIES:
        return f"zones are named for one place each: {_CITIES[city]}"
    if len(city) < _MIN_LETTERS:
        return _ANY
    near = {zone.rpartition("/")[2]: zone for zone in sorted(known_zones()) if not region or zone.lower().startswith(f"{region.lower()}/")}
    close = nearest(city, [place for place in near if len(place) >= _MIN_LETTERS], count=1)
    return f"did you mean {near[close[0]]}?" if close else _ANY
