"""How the benchmarks come to their figures, and where these are written: counted, never timed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from benchmarks.__main__ import LONG, QUICK, SUBJECTS
from benchmarks.counting import begins_request
from benchmarks.growing import CASES, HEADINGS, Case, grown, row
from benchmarks.process import Life, Sample, percentile, waiting
from benchmarks.publishing import README, marks, publish
from benchmarks.tables import Grid, markdown
from benchmarks.ways import WAYS, Measured, Setting, Way


@pytest.mark.parametrize(
    ("values", "share", "expected"),
    [
        ([3.0], 0.95, 3.0),
        ([4.0, 1.0, 3.0, 2.0], 0.5, 2.0),
        ([float(number) for number in range(1, 101)], 0.95, 95.0),
        ([float(number) for number in range(20, 0, -1)], 0.95, 19.0),
        ([1.0, 2.0], 1.0, 2.0),
    ],
)
def test_a_percentile_is_a_value_that_was_measured(values: list[float], share: float, expected: float) -> None:
    assert percentile(values, share) == expected


def test_what_waiting_takes_is_read_between_two_times_alone() -> None:
    samples = [
        Sample(at=at, cpu=cpu, memory=memory, peak=900) for at, cpu, memory in ((0, 0, 500), (10, 5, 100), (15, 5.5, 120), (20, 6, 90))
    ]
    found = waiting(samples, 10, 20)
    assert found is not None
    assert (found.core, found.memory, found.seconds) == (0.1, 120, 10)
    assert waiting(samples, 12, 14) is None
    assert waiting(samples, 10, 15, least=6) is None


def measured(*, shots: int, cpu: float, jobs: float, over: float, lost: int = 0) -> Measured:
    return Measured(
        life=Life(began=100.0, ended=200.0, cpu=cpu, peak=150_000_000, samples=()),
        start=2.0,
        posts=1.0,
        jobs=jobs,
        wall=10.0 + over,
        krea_requests=3 * shots,
        prefect_requests=shots,
        server_cpu=0.5 * shots,
        lost=lost,
        settled=0.0,
    )


def test_a_row_of_growth_has_medians_and_the_cpu_of_each_further_shot() -> None:
    case = Case(setting=Setting(shots=41, job_seconds=10.0), wanted="1.06")
    taken = [measured(shots=41, cpu=cpu, jobs=11.0, over=2.0, lost=lost) for cpu, lost in ((6.0, 0), (4.0, 2), (20.0, 0))]
    found = dict(zip(HEADINGS, row(case, "animatic", taken, first=2.0), strict=True))
    assert found["CPU/shot"] == pytest.approx((6.0 - 2.0) / 40)
    assert found["jobs x"] == pytest.approx(1.1)
    assert found["over s"] == pytest.approx(2.0)
    assert (found["Krea/job"], found["Prefect/shot"], found["MB"], found["lost"], found["wanted"]) == (3.0, 1.0, 150, 2, "1.06")


def test_how_cost_grows_is_told_of_ways_that_were_measured_small_and_large_with_the_same_answers() -> None:
    def taken(shots: int, cpu: float) -> list[Measured]:
        return [measured(shots=shots, cpu=cpu, jobs=10.0, over=1.0)]

    one, late = Setting(shots=1, job_seconds=2.0), Setting(shots=40, job_seconds=2.0, answer_seconds=0.5)
    small, large = Setting(shots=40, job_seconds=2.0), Setting(shots=1_000, job_seconds=2.0)
    found: dict[tuple[Setting, Way], list[Measured]] = {
        (one, "animatic"): taken(1, 2.0),
        (small, "animatic"): taken(40, 2.0 + 39 * 0.1),
        (large, "animatic"): taken(1_000, 2.0 + 999 * 0.3),
        (late, "animatic"): taken(40, 100.0),
        (one, "tasks"): taken(1, 2.0),
        (small, "tasks"): taken(40, 5.0),
    }
    (row,) = grown(found)
    assert row[:2] == ("growth: 1,000 shots / 40", "animatic")
    assert row[HEADINGS.index("CPU/shot")] == pytest.approx(3.0)
    assert len(row) == len(HEADINGS)


def test_growth_has_every_size_and_all_ways_at_the_small_ones() -> None:
    assert {case.setting.shots for case in CASES if not case.setting.chained} == {1, 40, 200, 1_000, 2_000}
    for shots in (1, 40):
        assert {case.setting.answer_seconds for case in CASES if case.setting.shots == shots and tuple(case.ways) == WAYS} == {0.0, 0.5}
    assert Setting(shots=20, job_seconds=2.0, chained=True).ideal == 40


def test_requests_are_counted_and_not_the_bodies_between_them() -> None:
    said = (
        b"POST /api/logs/ HTTP/1.1\r\nContent-Length: 24\r\n\r\n",
        b'{"GET /x HTTP/1.1\r\n": 1}',
        b"GET /api/health?full=1 HTTP/1.1\r\nHost: there\r\n\r\n",
        b"POST",
        b"\x81\x05GET /",
    )
    assert [begins_request(chunk) for chunk in said] == [True, False, True, False, False]


def test_a_table_takes_the_place_of_the_subjects_last_one(tmp_path: Path) -> None:
    readme = tmp_path / "README.md"
    begin, end = marks("wait")
    readme.write_text(f"before\n\n{begin}\nold\n{end}\n\nafter {marks('seen')[0]}\n", encoding="utf-8")
    grid = Grid(title="Waiting", note="seconds", headings=("way", "s", "requests"), rows=(("polling", 1.25, 1200), ("webhooks", 0.5, None)))
    for _ in range(2):
        publish("wait", markdown(grid), (0.3, 1.2), readme)
    text = readme.read_text(encoding="utf-8")
    assert text.startswith(f"before\n\n{begin}\nMeasured ")
    assert "at a load of 0.3 to 1.2." in text
    assert "| way | s | requests |\n| --- | --: | --: |\n| polling | 1.25 | 1,200 |\n| webhooks | 0.500 |  |\n\nseconds\n" in text
    assert text.endswith(f"{end}\n\nafter {marks('seen')[0]}\n")
    assert "old" not in text
    for subject in ("seen", "growth"):
        with pytest.raises(ValueError, match=f"no <!-- {subject} -->"):
            publish(subject, "table", (0.0, 0.0), readme)


def test_the_page_of_the_benchmarks_names_each_subject_and_has_a_place_for_its_table() -> None:
    text = README.read_text(encoding="utf-8")
    assert re.findall(r"^\| `([a-z]+)` \|", text.partition("## Figures")[0], re.MULTILINE) == list(SUBJECTS)
    assert {*QUICK, *LONG} <= set(SUBJECTS)
    for subject in SUBJECTS:
        begin, end = marks(subject)
        assert text.count(begin) == text.count(end) == 1, subject
