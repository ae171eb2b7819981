"""Jobs: what they do follows from their acceptance and the clock."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from animatic.files import TEMPORARY
from animatic.simulator.jobs import STATUSES, DroppedError, Job, RefusedError
from animatic.simulator.replies import full_reply
from animatic.simulator.simulation import Simulation
from animatic.slate import SlateNote
from tests.present import present
from tests.unit.simulator.conftest import Clock, MakeSimulation

GROK = "/generate/video/xai/grok-video"
STILL = "/generate/image/google/nano-banana-pro"
JOB = Job(
    id="j",
    route=GROK,
    model="xai/grok-video",
    kind="video",
    body={},
    request_hash="h",
    render_key="k",
    suffix="mp4",
    created_at=100.0,
    start_at=110.0,
    seconds=10.0,
    visible_at=100.0,
    outcome="completed",
    usd=None,
)


def body(prompt: str = "Surf", **fields: Any) -> bytes:
    return json.dumps({"prompt": prompt, **fields}).encode()


def test_a_job_walks_every_status_in_order() -> None:
    seen = [JOB.status_at(100 + tenth / 10, rendered=True) for tenth in range(250)]
    assert tuple(dict.fromkeys(seen)) == STATUSES[:7]


@given(
    times=st.lists(st.floats(90, 140), min_size=2),
    ready=st.floats(90, 140),
    outcome=st.sampled_from(["completed", "failed", "moderated", "empty"]),
    cancelled=st.none() | st.floats(100, 112),
)
def test_statuses_never_go_back(times: list[float], ready: float, outcome: Any, cancelled: float | None) -> None:
    job = replace(JOB, outcome=outcome, cancelled_at=cancelled)
    ranks = [STATUSES.index(job.status_at(now, rendered=now >= ready)) for now in sorted(times)]
    assert ranks == sorted(ranks)


def test_a_job_that_is_not_rendered_stays_sampling() -> None:
    assert JOB.status_at(500, rendered=False) == "sampling"


def test_a_failing_job_fails_before_its_time_is_up() -> None:
    assert replace(JOB, outcome="failed").status_at(117, rendered=False) == "failed"


def test_an_accepted_job_completes_with_a_file_and_is_billed(
    make_simulation: MakeSimulation, clock: Clock, rendered: Callable[[Simulation], None]
) -> None:
    simulation = make_simulation()
    job, status = simulation.submit(GROK, body(duration=4), None)
    assert status == "queued"
    assert simulation.billing() == []
    rendered(simulation)
    clock.now += 10
    reply = full_reply(simulation, job, "http://host")
    assert reply["status"] == "completed"
    assert simulation.library.result(job).exists()
    (bill,) = simulation.billing()
    assert (bill["job_id"], bill["usd"]) == (job.id, 0.28)


def test_jobs_survive_a_restart(make_simulation: MakeSimulation, clock: Clock, rendered: Callable[[Simulation], None]) -> None:
    job, _ = make_simulation().submit(GROK, body(), None)
    clock.now += 60
    again = make_simulation()
    assert again.find(job.id) == job
    assert again.status(job) in {"sampling", "completed"}
    rendered(again)
    assert again.status(job) == "completed"


def test_a_lost_render_is_made_again_by_whoever_is_asked(
    make_simulation: MakeSimulation, clock: Clock, rendered: Callable[[Simulation], None]
) -> None:
    first = make_simulation()
    jobs = [first.submit(GROK, body(), None)[0] for _ in range(2)]
    rendered(first)
    for job in jobs:
        first.library.result(job).unlink()
    clock.now += 60
    second = make_simulation()
    assert {second.status(job) for job in jobs} == {"sampling"}
    rendered(second)
    assert {second.status(job) for job in jobs} == {"completed"}


def test_jobs_beyond_the_limit_wait_for_a_place(make_simulation: MakeSimulation, clock: Clock) -> None:
    simulation = make_simulation(concurrency=2)
    jobs = [simulation.submit(GROK, body(f"Shot {number} [sim: empty]"), None)[0] for number in range(5)]
    assert [simulation.status(job) for job in jobs] == ["queued"] * 2 + ["backlogged"] * 3
    clock.now += 10.5
    assert [simulation.status(job) for job in jobs] == ["completed"] * 2 + ["queued"] * 2 + ["backlogged"]
    clock.now += 20
    assert simulation.status(jobs[4]) == "completed"


def test_a_full_backlog_refuses(make_simulation: MakeSimulation) -> None:
    simulation = make_simulation(concurrency=1, backlog=1, faults={"retry_after": 7})
    for _ in range(2):
        simulation.submit(GROK, body("[sim: empty]"), None)
    with pytest.raises(RefusedError) as caught:
        simulation.submit(GROK, body("[sim: empty]"), None)
    assert (caught.value.status, caught.value.headers) == (429, {"Retry-After": "7"})


def test_cancelled_and_failed_jobs_are_free(make_simulation: MakeSimulation, clock: Clock) -> None:
    simulation = make_simulation()
    job, _ = simulation.submit(GROK, body(), None)
    simulation.store.cancel(job.id, simulation.now())
    for options in ("fail", "moderated"):
        simulation.submit(GROK, body(f"[sim: {options}]"), None)
    clock.now += 60
    assert simulation.billing() == []
    found = simulation.find(job.id)
    assert found is not None
    assert full_reply(simulation, found, "http://host")["status"] == "cancelled"


def test_an_empty_result_is_completed_billed_and_without_a_file(make_simulation: MakeSimulation, clock: Clock) -> None:
    simulation = make_simulation()
    job, _ = simulation.submit(GROK, body("[sim: empty]"), None)
    clock.now += 60
    reply = full_reply(simulation, job, "http://host")
    assert (reply["status"], reply["result"]) == ("completed", {})
    assert len(simulation.billing()) == 1


def test_a_failed_job_says_why(make_simulation: MakeSimulation, clock: Clock) -> None:
    simulation = make_simulation()
    job, _ = simulation.submit(GROK, body("[sim: moderated]"), None)
    jobs = [replace(job, id=str(number)) for number in range(40)]
    clock.now += 60
    replies = [full_reply(simulation, job, "http://host") for job in jobs]
    errors = [reply.get("error") or reply["result"]["error"] for reply in replies]
    assert {error["code"] for error in errors} == {"content_moderated"}
    assert 0 < sum("error" in reply for reply in replies) < len(replies), "both places occur"


@pytest.mark.parametrize(("options", "status"), [("429", 429), ("credits", 402), ("plan", 402), ("gone", 410), ("422", 422)])
def test_refusals_on_request_accept_nothing(make_simulation: MakeSimulation, options: str, status: int) -> None:
    simulation = make_simulation()
    with pytest.raises(RefusedError) as caught:
        simulation.submit(GROK, body(f"[sim: {options}]"), None)
    assert caught.value.status == status
    assert simulation.store.all_jobs() == []


@pytest.mark.parametrize(("options", "status"), [("500", 500), ("524", 524)])
def test_some_errors_come_after_acceptance(make_simulation: MakeSimulation, options: str, status: int) -> None:
    simulation = make_simulation()
    with pytest.raises(RefusedError) as caught:
        simulation.submit(GROK, body(f"[sim: {options}]"), None)
    assert caught.value.status == status
    assert len(simulation.store.all_jobs()) == 1


@pytest.mark.parametrize(("fault", "accepted"), [("lost_before", 0), ("lost_after", 1)])
def test_a_lost_answer_leaves_nothing_or_a_job(make_simulation: MakeSimulation, fault: str, accepted: int) -> None:
    simulation = make_simulation(faults={fault: 1})
    with pytest.raises(DroppedError):
        simulation.submit(GROK, body(), None)
    assert len(simulation.store.all_jobs()) == accepted


def test_once_means_once_across_restarts(make_simulation: MakeSimulation) -> None:
    with pytest.raises(RefusedError):
        make_simulation().submit(GROK, body("[sim: 429 once]"), None)
    make_simulation().submit(GROK, body("[sim: 429 once]"), None)


def test_a_late_job_is_found_later(make_simulation: MakeSimulation, clock: Clock) -> None:
    simulation = make_simulation(faults={"late_listing": 5})
    job, _ = simulation.submit(GROK, body(), None)
    assert simulation.find(job.id) is None
    assert list(simulation.store.jobs_before(None, simulation.now())) == []
    clock.now += 5
    assert simulation.find(job.id) == job


def test_creation_times_differ_by_a_millisecond_at_least(make_simulation: MakeSimulation) -> None:
    simulation = make_simulation()
    times = [simulation.submit(GROK, body(f"{number} [sim: empty]"), None)[0].created_at for number in range(20)]
    assert len({round(time, 3) for time in times}) == 20
    assert times == sorted(times)


def test_faults_repeat_with_their_seed(make_simulation: MakeSimulation) -> None:
    simulation = make_simulation(faults={"failed_job": 0.5, "seed": 4})
    first = [simulation.strikes("failed_job") for _ in range(30)]
    simulation.change({"faults": {"seed": 4}})
    assert [simulation.strikes("failed_job") for _ in range(30)] == first
    assert len(set(first)) == 2


def test_unknown_routes_and_bodies_are_refused(make_simulation: MakeSimulation) -> None:
    simulation = make_simulation()
    for route, raw, status in [
        ("/generate/video/xai/none", body(), 404),
        ("/generate/image/xai/grok-video", body(), 404),
        (GROK, b"{", 400),
        (GROK, b"[]", 400),
    ]:
        with pytest.raises(RefusedError) as caught:
            simulation.submit(route, raw, None)
        assert caught.value.status == status


def test_retired_names_and_directive_mistakes_are_told_together(make_simulation: MakeSimulation) -> None:
    with pytest.raises(RefusedError) as caught:
        make_simulation().submit(GROK, body("Surf [sim: fial]", startImage="x"), "ftp://x")
    assert caught.value.status == 400
    assert all(word in str(caught.value.body) for word in ("startImage", "fial", "X-Webhook-URL"))


def test_takes_of_one_request_look_different_and_a_seed_pins_them(make_simulation: MakeSimulation) -> None:
    simulation = make_simulation()
    plain = [simulation.submit(STILL, body(), None)[0].render_key for _ in range(3)]
    assert len(set(plain)) == 3
    seeded = [simulation.submit("/generate/image/bfl/flux-1-dev", body(seed=7), None)[0].render_key for _ in range(2)]
    assert len(set(seeded)) == 1


def test_results_are_taken_as_inputs_and_strangers_are_not(
    make_simulation: MakeSimulation, clock: Clock, rendered: Callable[[Simulation], None]
) -> None:
    simulation = make_simulation()
    still, _ = simulation.submit(STILL, body("Bottle"), None)
    url = f"http://127.0.0.1:1/files/results/{still.id}/result.png"
    with pytest.raises(RefusedError) as caught:
        simulation.submit(GROK, body(start_image=url), None)
    assert caught.value.status == 422, "the still is not finished"
    rendered(simulation)
    clock.now += 60
    simulation.submit(GROK, body(start_image=url), None)
    for stranger in ("http://127.0.0.1:1/files/assets/none.png", "http://elsewhere.example/a.png", "http://127.0.0.1:1/etc/passwd"):
        with pytest.raises(RefusedError) as caught:
            simulation.submit(GROK, body(start_image=stranger), None)
        assert caught.value.status == 422
    with pytest.raises(RefusedError):
        simulation.submit(GROK, body(edit_video=url), None)
    simulation.submit(GROK, body(start_image="https://cdn.example/a.png"), None)


def test_without_strict_media_any_address_is_taken(make_simulation: MakeSimulation) -> None:
    make_simulation(strict_media=False).submit(GROK, body(start_image="http://elsewhere.example/a.png"), None)


def test_expired_results_are_no_inputs(make_simulation: MakeSimulation, clock: Clock, rendered: Callable[[Simulation], None]) -> None:
    simulation = make_simulation(url_seconds=30)
    still, _ = simulation.submit(STILL, body("Bottle"), None)
    rendered(simulation)
    clock.now += 20
    url = full_reply(simulation, still, "http://127.0.0.1:1")["result"]["urls"][0]
    assert "signature=" in url
    simulation.submit(GROK, body(start_image=url), None)
    clock.now += 60
    for refused in (url, url.split("?")[0], url.replace("expires=", "expires=9")):
        with pytest.raises(RefusedError):
            simulation.submit(GROK, body(start_image=refused), None)


def test_result_shapes_rotate_or_stay(make_simulation: MakeSimulation, clock: Clock, rendered: Callable[[Simulation], None]) -> None:
    simulation = make_simulation()
    job, _ = simulation.submit(GROK, body(duration=1), None)
    jobs = [replace(job, id=str(number)) for number in range(40)]
    rendered(simulation)
    clock.now += 60
    shapes = {tuple(sorted({"urls", "video_url"} & full_reply(simulation, job, "http://h")["result"].keys())) for job in jobs}
    assert shapes == {("urls",), ("video_url",), ("urls", "video_url")}
    simulation.change({"result_shape": "objects"})
    assert full_reply(simulation, jobs[0], "http://h")["result"]["urls"][0]["type"] == "model"


def test_a_render_that_cannot_be_made_fails_its_job(make_simulation: MakeSimulation, clock: Clock, tmp_path: Path) -> None:
    simulation = make_simulation()
    job, _ = simulation.submit(GROK, body("[sim: slow 1]"), None)
    simulation.store.fail(job.render_key)
    clock.now += 60
    found = simulation.find(job.id)
    assert found is not None
    assert simulation.status(found) == "failed"


def test_the_oldest_results_make_room(make_simulation: MakeSimulation) -> None:
    store = make_simulation().store
    unfinished = f"{TEMPORARY}0f.mp4"
    for age, name in enumerate(("new.mp4", "old.mp4", "older.png", unfinished)):
        path = store.results_folder / name
        path.write_bytes(b"x" * 10)
        os.utime(path, (1000 - age, 1000 - age))
    store.prune(20)
    assert {path.name for path in store.results_folder.iterdir()} == {"new.mp4", "old.mp4", unfinished}, "what is being written stays"


def test_what_a_slate_says_outlives_the_process_that_accepted_the_job(make_simulation: MakeSimulation) -> None:
    note = SlateNote(shot="dawn", number=1, count=2, title="Dawn")
    job, _ = make_simulation().submit(GROK, body(duration=1), None, note)
    plain, _ = make_simulation().submit(GROK, body(duration=1), None)
    assert job.render_key != plain.render_key
    again = make_simulation()
    kept = present(again.store.job(job.id))
    assert SlateNote.from_header(present(kept.slate)) == note
    assert again._recipe_again(kept).key == job.render_key


def test_a_state_folder_from_before_slates_were_named_is_brought_up_to_date(make_simulation: MakeSimulation, tmp_path: Path) -> None:
    first = make_simulation()
    job, _ = first.submit(GROK, body(duration=1), None)
    first.store._connection.execute("ALTER TABLE jobs DROP COLUMN slate")
    second = make_simulation()
    assert present(second.store.job(job.id)).slate is None
    second.submit(GROK, body("Another"), None, SlateNote(shot="b", number=2, count=2))
