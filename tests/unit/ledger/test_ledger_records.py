"""Takes, assets, selections, runs; and records that cannot be read."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from decimal import Decimal

import pytest

from animatic.errors import StorageError
from animatic.ledger import Ledger, SentInput, take_folder
from animatic.ledger.records import attempt_folder, journal_folder, journal_key, journal_time, numbered, selection_folder, take_key
from animatic.storage import Storage, StorageRefusedError
from tests.present import present
from tests.unit.ledger.conftest import Clock, Intend
from tests.unit.ledger.ledger_samples import make_take

DAWN = "da" * 32
SURF = "5f" * 32
BASE = "ba" * 32

pytestmark = pytest.mark.anyio


async def test_a_take_comes_back_as_it_was_recorded(ledger: Ledger) -> None:
    assert await ledger.takes.get(DAWN) is None
    take = make_take()
    assert await ledger.takes.record(take) == take
    assert await ledger.takes.get(DAWN) == take


async def test_inputs_are_written_as_the_manifest_says_them(ledger: Ledger, storage: Storage) -> None:
    inputs = (
        SentInput(field="start_image", origin="shot", shot="dawn", frame="last", sha256="ab" * 32, sent_as="https://krea/a.png"),
        SentInput(field="reference_images[0]", origin="url", url="https://example.test/b.png", sent_as="https://example.test/b.png"),
    )
    await ledger.takes.record(make_take(inputs=inputs))
    written = json.loads(await storage.read(take_key(DAWN)) or b"")["inputs"]
    assert [list(item.items()) for item in written] == [
        [
            ("field", "start_image"),
            ("from", "shot"),
            ("shot", "dawn"),
            ("frame", "last"),
            ("sha256", "ab" * 32),
            ("sent_as", "https://krea/a.png"),
        ],
        [
            ("field", "reference_images[0]"),
            ("from", "url"),
            ("url", "https://example.test/b.png"),
            ("frame", None),
            ("sha256", None),
            ("sent_as", "https://example.test/b.png"),
        ],
    ]
    take = await ledger.takes.get(DAWN)
    assert take is not None
    assert take.inputs == inputs


async def test_inputs_with_less_on_record_are_read_too(ledger: Ledger, storage: Storage) -> None:
    await ledger.takes.record(make_take())
    fields = json.loads(await storage.read(take_key(DAWN)) or b"")
    fields["inputs"] = [{"field": "start_image", "from": "file", "path": "refs/bottle.png", "mood": "golden"}]
    await storage.write(take_key(DAWN), json.dumps(fields).encode(), content_type="application/json")
    take = await ledger.takes.get(DAWN)
    assert take is not None
    assert take.inputs == (SentInput(field="start_image", origin="file", path="refs/bottle.png"),)


async def test_unknown_prices_stay_unknown(ledger: Ledger, storage: Storage) -> None:
    await ledger.takes.record(make_take(usd=None))
    assert (present(await ledger.takes.get(DAWN))).usd is None
    assert json.loads(present(await storage.read(take_key(DAWN))))["usd"] is None


async def test_money_is_kept_exactly(ledger: Ledger) -> None:
    await ledger.takes.record(make_take(usd=Decimal("0.1000000001")))
    assert (present(await ledger.takes.get(DAWN))).usd == Decimal("0.1000000001")


async def test_the_first_take_stands(ledger: Ledger) -> None:
    first = make_take(job_id="job-1")
    await ledger.takes.record(first)
    assert await ledger.takes.record(make_take(job_id="job-2")) == first


async def test_of_many_equal_takes_all_are_told_the_same(ledger: Ledger) -> None:
    takes = await asyncio.gather(*(ledger.takes.record(make_take(job_id=f"job-{n}")) for n in range(8)))
    assert {take.job_id for take in takes} == {(present(await ledger.takes.get(DAWN))).job_id}


async def test_takes_are_found_together(ledger: Ledger) -> None:
    made = [f"{n:02x}" * 32 for n in range(0, 100, 2)]
    for fingerprint in made:
        await ledger.takes.record(make_take(fingerprint=fingerprint))
    found = await ledger.takes.get_many([f"{n:02x}" * 32 for n in range(100)])
    assert list(found) == made
    assert all(take.fingerprint == fingerprint for fingerprint, take in found.items())


async def test_files_of_a_take_lie_beside_its_record() -> None:
    assert take_key(DAWN) == f"{take_folder(DAWN)}take.json" == f".animatic/takes/da/{DAWN}/take.json"


async def test_the_last_upload_counts(ledger: Ledger) -> None:
    assert await ledger.assets.latest("127.0.0.1:8000", "a" * 64) is None
    await ledger.assets.record("127.0.0.1:8000", "a" * 64, asset_id="1", url="https://krea/1.png", mime="image/png")
    await ledger.assets.record("127.0.0.1:8000", "a" * 64, asset_id="2", url="https://krea/2.png", mime="image/png")
    assert (present(await ledger.assets.latest("127.0.0.1:8000", "a" * 64))).asset_id == "2"
    assert await ledger.assets.latest("api.krea.ai", "a" * 64) is None


async def test_the_first_take_counts_until_another_is_chosen(ledger: Ledger, storage: Storage) -> None:
    assert await ledger.selections.current(BASE) is None
    assert await ledger.selections.highest_take(BASE) == 1
    assert await ledger.selections.all() == {}
    await ledger.selections.select(BASE, 3, DAWN, "retake")
    await ledger.selections.select(BASE, 2, DAWN, "the earlier one was better")
    await ledger.selections.select("bb" * 32, 2, DAWN, "fresh")
    assert (present(await ledger.selections.current(BASE))).take == 2
    assert await ledger.selections.highest_take(BASE) == 3
    assert await ledger.selections.all() == {BASE: 2, "bb" * 32: 2}
    assert await storage.read(numbered(selection_folder(BASE), 2))


async def test_concurrent_choices_are_all_kept(ledger: Ledger, storage: Storage) -> None:
    await asyncio.gather(*(ledger.selections.select(BASE, take, DAWN, "race") for take in range(2, 10)))
    assert len(await storage.list(selection_folder(BASE))) == 8
    assert await ledger.selections.highest_take(BASE) == 9


async def test_a_run_keeps_its_first_plan(ledger: Ledger) -> None:
    assert await ledger.runs.get("20261121T120000Z-4f3a") is None
    assert await ledger.runs.save("20261121T120000Z-4f3a", {"steps": [{"key": "dawn", "price": None}]})
    assert not await ledger.runs.save("20261121T120000Z-4f3a", {"steps": []})
    assert await ledger.runs.save("20261120T120000Z-0000", {})
    assert await ledger.runs.get("20261121T120000Z-4f3a") == {"steps": [{"key": "dawn", "price": None}]}
    assert await ledger.runs.ids() == ("20261120T120000Z-0000", "20261121T120000Z-4f3a")


async def test_files_that_are_not_ours_are_passed_over(ledger: Ledger, storage: Storage, intend: Intend, clock: Clock) -> None:
    await intend()
    await ledger.selections.select(BASE, 2, DAWN, "retake")
    for folder in (".animatic/journal/2026-11-21", f".animatic/selections/{BASE}", ".animatic/selections", ".animatic/runs"):
        await storage.write(f"{folder}/.DS_Store", b"\0", content_type="application/octet-stream")
    assert len(await ledger.recent.open(clock.now, clock.now)) == 1
    assert (await ledger.spending.on([clock.now.date()])).totals.submissions == 1
    assert await ledger.selections.highest_take(BASE) == 2
    assert await ledger.selections.all() == {BASE: 2}
    assert await ledger.runs.ids() == ()


@pytest.mark.parametrize(
    "data",
    [b"", b"{", b'{"version": 1, "outcome"', b"\xff\xfe\x00", b"[]", b"null", b"{}", b'{"version": 1}', b"[" * 100_000, b'"text"'],
    ids=["empty", "brace", "torn", "binary", "list", "null", "no version", "no fields", "deep", "text"],
)
async def test_a_damaged_record_is_named_and_never_guessed(ledger: Ledger, storage: Storage, intend: Intend, data: bytes) -> None:
    await intend()
    key = f"{attempt_folder(DAWN, 1)}settled.json"
    await storage.write(key, data, content_type="application/json")
    with pytest.raises(StorageRefusedError, match=f"{key} is damaged") as caught:
        await ledger.submissions.of(DAWN)
    assert caught.value.hint


async def test_one_damaged_take_among_many_is_named(ledger: Ledger, storage: Storage) -> None:
    fingerprints = [f"{n:02x}" * 32 for n in range(100)]
    await storage.write(take_key(fingerprints[50]), b"", content_type="application/json")
    assert await ledger.takes.get_many(fingerprints) == {}
    assert [fingerprints[50] in str(error) for error in ledger.left_out] == [True]
    with pytest.raises(StorageRefusedError, match=fingerprints[50]):
        await ledger.takes.get(fingerprints[50])


@pytest.mark.parametrize("name", ["intended", "submitted", "settled", "journal"])
async def test_a_damaged_record_stops_only_what_it_concerns(
    ledger: Ledger, storage: Storage, intend: Intend, clock: Clock, name: str
) -> None:
    await intend(DAWN)
    await intend(SURF)
    day = clock().date()
    key = f"{attempt_folder(DAWN, 1)}{name}.json"
    if name == "journal":
        key = next(entry.key for entry in await storage.list(journal_folder(day)) if DAWN[:16] in entry.key)
    await storage.write(key, b"{", content_type="application/json")
    opened = await ledger.recent.open(clock() - timedelta(hours=1), clock() + timedelta(hours=1))
    assert {submission.intent.fingerprint for submission in opened} == ({DAWN, SURF} if name == "journal" else {SURF})
    spending = await ledger.spending.on([day])
    assert SURF in {cost.line.fingerprint for cost in spending.costs}
    assert any(key in str(error) or attempt_folder(DAWN, 1) in str(error) for error in ledger.left_out)
    if name != "journal":
        with pytest.raises(StorageRefusedError, match="damaged"):
            await ledger.submissions.of(DAWN)


async def test_damage_is_told_without_the_values(ledger: Ledger, storage: Storage, intend: Intend) -> None:
    intent = await intend()
    key = f"{attempt_folder(DAWN, 1)}intended.json"
    fields = json.loads(present(await storage.read(key)))
    await storage.write(key, json.dumps(fields | {"deadline": intent.token}).encode(), content_type="application/json")
    with pytest.raises(StorageRefusedError, match="deadline") as caught:
        await ledger.submissions.of(DAWN)
    assert intent.token not in str(caught.value)


async def test_a_record_of_a_later_version_asks_for_an_upgrade(ledger: Ledger, storage: Storage, intend: Intend) -> None:
    await intend()
    key = f"{attempt_folder(DAWN, 1)}submitted.json"
    await storage.write(key, b'{"version": 2, "jobs": []}', content_type="application/json")
    with pytest.raises(StorageError, match="version 2") as caught:
        await ledger.submissions.of(DAWN)
    assert caught.value.hint == "upgrade animatic"


async def test_additions_of_a_later_release_are_read_over(ledger: Ledger, storage: Storage, intend: Intend) -> None:
    intent = await intend()
    key = f"{attempt_folder(DAWN, 1)}intended.json"
    fields = json.loads(present(await storage.read(key)))
    await storage.write(key, json.dumps(fields | {"mood": "golden"}).encode(), content_type="application/json")
    assert (await ledger.submissions.of(DAWN))[0].intent == intent


async def test_records_are_readable_by_hand(storage: Storage, ledger: Ledger, intend: Intend) -> None:
    await intend()
    lines = (present(await storage.read(f"{attempt_folder(DAWN, 1)}intended.json"))).decode().splitlines()
    assert lines[1] == ' "version": 1,'
    assert ' "usd": "0.42",' in lines
    assert ' "intended_at": "2026-11-21T12:00:00Z",' in lines


async def test_journal_keys_tell_their_time(clock: Clock) -> None:
    clock.advance(hours=11, microseconds=7)
    assert journal_time(journal_key(clock.now, DAWN, 12)) == clock.now
    assert journal_time(".animatic/journal/2026-11-21/notes.txt") is None
