"""The manifest adds up at every moment of a run, says null where nothing is known, and keeps no secrets."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from animatic.errors import StorageError
from animatic.manifest import Attempt, Clip, Failure, ManifestBuilder, Reel, read_manifest
from animatic.manifest.model import ShotState
from animatic.plan.model import Step

DONE = datetime(2026, 11, 21, 10, 49, tzinfo=UTC)
# The contract, key by key and in its order; further keys are allowed.
TOP = [
    "version",
    "run_id",
    "pipeline",
    "description",
    "params",
    "simulated",
    "state",
    "started_at",
    "finished_at",
    "animatic",
    "prefect",
    "source",
    "cost",
    "shots",
    "reel",
    "provenance",
]
SHOT = [
    "id",
    "variant",
    "title",
    "state",
    "model",
    "request",
    "fingerprint",
    "take",
    "attempts",
    "job_id",
    "submitted_at",
    "completed_at",
    "usd",
    "depends_on",
    "inputs",
    "clip",
    "thumbnail",
    "error",
]
ATTEMPT = ["attempt", "job_id", "status", "submitted_at", "completed_at", "error", "usd"]
CLIP = ["key", "sha256", "size", "mime", "width", "height", "fps", "duration", "frames"]


def attempt(number: int, usd: str | None, *, status: str = "completed", job: str | None = None) -> Attempt:
    return Attempt(attempt=number, status=status, job_id=job or f"job-{number}", usd=Decimal(usd) if usd is not None else None)


def test_every_key_of_the_contract_is_there(builder: ManifestBuilder, clip: Clip) -> None:
    builder.shot("dawn").update(state="delivered", clip=clip, attempts=[attempt(1, "0.42")], usd=Decimal("0.42"))
    builder.reel(Reel.model_validate(dict(clip)))
    data = builder.to_json(finished_at=DONE)
    assert set(TOP) <= data.keys()
    assert set(SHOT) <= data["shots"][0].keys()
    assert set(ATTEMPT) <= data["shots"][0]["attempts"][0].keys()
    assert set(CLIP) <= data["shots"][0]["clip"].keys()
    assert set(CLIP) <= data["reel"].keys()
    assert {"estimated_usd", "billed_usd", "reused_usd", "unpriced"} == data["cost"].keys()
    assert {"flow_run_id", "url", "deployment"} == data["prefect"].keys()
    assert {"digital_source_type", "c2pa", "notes"} == data["provenance"].keys()
    assert (data["version"], data["started_at"], data["finished_at"]) == (1, "2026-11-21T10:45:12Z", "2026-11-21T10:49:00Z")


def test_inputs_name_where_they_come_from_and_only_that(builder: ManifestBuilder) -> None:
    first, second, third = builder.to_json()["shots"][1]["inputs"]
    assert first == {"field": "start_image", "from": "shot", "shot": "dawn", "frame": "last", "sha256": None, "sent_as": None}
    assert second == {"field": "reference_images[0]", "from": "file", "path": "refs/a.png", "frame": None, "sha256": "ab", "sent_as": None}
    assert third["url"] == third["sent_as"] == "https://files.test/e.png"


def test_no_secret_is_recorded(builder: ManifestBuilder, clip: Clip) -> None:
    builder.shot("surf").update(
        state="failed",
        request={
            "prompt": "see https://x/?kept=prose",
            "start_image": "https://a.test/f.png?sig=SIGNED",
            "list": ["https://b.test/x?sig=SIGNED"],
        },
        error=Failure(code="x", message="cannot fetch https://a.test/f.png?sig=SIGNED"),
        attempts=[Attempt(attempt=1, status="failed", error=Failure(code="x", message="https://a.test/f.png?sig=SIGNED"))],
        note="see https://a.test/?sig=SIGNED",
    )
    text = json.dumps(builder.to_json())
    assert "SIGNED" not in text
    assert "u:p@" not in text
    assert "https://x/?kept=prose" in text


@pytest.mark.parametrize(
    ("states", "state"),
    [
        (("delivered", "reused", "delivered"), "completed"),
        (("reused", "reused", "reused"), "completed"),
        (("failed", "skipped", "skipped"), "failed"),
        (("delivered", "failed", "skipped"), "partial"),
        (("delivered", "failed", "in_doubt"), "waiting"),
        (("waiting", "waiting", "waiting"), "waiting"),
    ],
)
def test_the_state_follows_from_the_shots(builder: ManifestBuilder, states: tuple[ShotState, ...], state: str) -> None:
    for key, shot_state in zip(("dawn", "surf", "logo"), states, strict=True):
        builder.shot(key).update(state=shot_state)
    assert builder.to_json()["state"] == state
    assert builder.to_json(state="cancelled")["state"] == "cancelled"


def test_money_before_anything_is_paid(builder: ManifestBuilder) -> None:
    assert builder.to_json()["cost"] == {"estimated_usd": 0.84, "billed_usd": 0.0, "reused_usd": 0.0, "unpriced": 1}


def test_money_of_attempts_and_reuse(builder: ManifestBuilder) -> None:
    builder.shot("dawn").update(state="reused", usd=Decimal("0.42"))
    builder.shot("surf").update(state="delivered", usd=Decimal("0.42"), attempts=[attempt(1, "0", status="failed"), attempt(2, "0.42")])
    builder.shot("logo").update(state="delivered", usd=Decimal("0.000001"), attempts=[attempt(1, "0.000001", job="job-9")])
    assert builder.to_json()["cost"] == {"estimated_usd": 0.42, "billed_usd": 0.420001, "reused_usd": 0.42, "unpriced": 0}


def test_unknown_money_is_null_and_never_zero(builder_of: Callable[..., ManifestBuilder], steps: tuple[Step, ...]) -> None:
    builder = builder_of(steps[2])
    builder.shot("logo").update(state="delivered", attempts=[attempt(1, None)])
    data = builder.to_json()
    assert data["cost"] == {"estimated_usd": None, "billed_usd": None, "reused_usd": 0.0, "unpriced": 1}
    assert data["shots"][0]["usd"] is None
    assert data["shots"][0]["attempts"][0]["usd"] is None


def test_variants_that_share_a_take_pay_once(builder_of: Callable[..., ManifestBuilder], steps: tuple[Step, ...]) -> None:
    first, second = (replace(steps[0], key=f"{name}/dawn", variant={"language": name}) for name in ("en", "de"))
    builder = builder_of(first, second)
    assert builder.to_json()["cost"]["estimated_usd"] == 0.42
    builder.shot("en/dawn").update(state="delivered", usd=Decimal("0.42"), attempts=[attempt(1, "0.42")])
    builder.shot("de/dawn").update(state="reused", usd=Decimal("0.42"))
    assert builder.to_json()["cost"] == {"estimated_usd": 0.42, "billed_usd": 0.42, "reused_usd": 0.0, "unpriced": 0}
    assert [shot["variant"] for shot in builder.to_json()["shots"]] == [{"language": "en"}, {"language": "de"}]


def test_each_variant_has_its_reel(builder: ManifestBuilder, clip: Clip) -> None:
    builder.reel(Reel.model_validate({**dict(clip), "variant": {"language": "en"}}))
    builder.reel(Reel.model_validate({**dict(clip), "variant": {"language": "de"}}))
    builder.reel(Reel.model_validate({**dict(clip), "variant": {"language": "en"}}))
    data = builder.to_json()
    assert [reel["variant"] for reel in data["reels"]] == [{"language": "en"}, {"language": "de"}]
    assert data["reel"]["key"] == clip.key
    assert data["reel"] == data["reels"][0]


def test_a_simulated_run_says_so_and_names_no_trained_model(builder_of: Callable[..., ManifestBuilder], steps: tuple[Step, ...]) -> None:
    data = builder_of(*steps, simulated=True).to_json()
    assert data["simulated"] is True
    assert "trained" not in data["provenance"]["digital_source_type"]


def test_a_mistaken_name_or_value_is_an_error_at_once(builder: ManifestBuilder) -> None:
    with pytest.raises(TypeError, match="colour"):
        builder.shot("dawn").update(colour="red")  # type: ignore[call-arg]  # a mistake, to be refused
    with pytest.raises(ValueError, match="state"):
        builder.shot("dawn").update(state="fine")  # type: ignore[arg-type]  # a mistake, to be refused
    with pytest.raises(KeyError):
        builder.shot("nobody")


def test_what_was_written_is_read_again(builder: ManifestBuilder, clip: Clip) -> None:
    builder.shot("dawn").update(state="delivered", clip=clip, usd=Decimal("0.1"))
    data = builder.to_json(finished_at=DONE)
    again = read_manifest(json.dumps(data).encode())
    assert again.model_dump(mode="json", by_alias=True) == data
    assert again.shots[0].usd == Decimal("0.1")


def test_additional_keys_of_a_newer_writer_survive(builder: ManifestBuilder) -> None:
    data = builder.to_json() | {"mood": "new"}
    assert read_manifest(json.dumps(data).encode()).model_dump(mode="json")["mood"] == "new"


@pytest.mark.parametrize(
    ("data", "words"), [(b"{", "not JSON"), (b"[]", "not a manifest"), (b"{}", "not a manifest"), (b'{"version": 2}', "version 2")]
)
def test_what_is_no_manifest_is_named(data: bytes, words: str) -> None:
    with pytest.raises(StorageError, match=words) as caught:
        read_manifest(data, key="coast/manifest.json")
    assert "coast/manifest.json" in caught.value.message
