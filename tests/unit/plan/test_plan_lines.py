"""What is spoken over shots: rendered per variant, quoted by other shots, and of no weight for what is made."""

from __future__ import annotations

from animatic.catalog import Catalog
from animatic.plan import Plan, check_declaration, plan_from_json, plan_to_json
from tests.unit.plan.plan_helpers import DeclarationOf, PlanOf

WITHOUT = """
p:
  shots:
    - {id: dawn, prompt: Dawn, duration: 2}
"""


def lines(plan: Plan) -> dict[str, str | None]:
    return {step.key: step.line for step in plan.steps}


def prompts(plan: Plan) -> dict[str, str]:
    return {step.key: step.request.body["prompt"] for step in plan.steps}


def test_a_line_is_rendered_for_its_variant_and_quoted_by_any_shot(plan_of: PlanOf) -> None:
    plan = plan_of("""
        p:
          params: {town: {type: string, default: Porto}}
          matrix: {language: [en, de]}
          shots:
            - {id: last, line: "{{ shots.vo-1.line }} Bye.", prompt: "Over {{ shots['vo-1'].line | upper }}"}
            - id: vo-1
              line: "{% if matrix.language == 'en' %}Welcome to{% else %}Willkommen in{% endif %} {{ params.town }}."
              prompt: "She says {{ shot.line }}"
            - {id: 2nd, line: "{{ shot.id }} of {{ run.date }}", prompt: "Behind {{ shots.2nd.line }}"}
            - {id: quiet, prompt: Nothing is said}
        """)
    assert lines(plan) == {
        "en/last": "Welcome to Porto. Bye.",
        "en/vo-1": "Welcome to Porto.",
        "en/2nd": "2nd of 2026-11-21",
        "en/quiet": None,
        "de/last": "Willkommen in Porto. Bye.",
        "de/vo-1": "Willkommen in Porto.",
        "de/2nd": "2nd of 2026-11-21",
        "de/quiet": None,
    }
    said = prompts(plan)
    assert (said["de/last"], said["en/vo-1"]) == ("Over WILLKOMMEN IN PORTO.", "She says Welcome to Porto.")
    assert said["en/2nd"] == "Behind 2nd of 2026-11-21"


def test_a_line_counts_only_where_the_request_has_its_words(plan_of: PlanOf) -> None:
    bare = plan_of(WITHOUT)
    spoken = plan_of(WITHOUT.replace("prompt: Dawn", "prompt: Dawn, line: Good morning"))
    assert (spoken.steps[0].line, spoken.steps[0].fingerprint) == ("Good morning", bare.steps[0].fingerprint)
    quoted = [plan_of(WITHOUT.replace("prompt: Dawn", f'prompt: "{{{{ shot.line }}}}", line: {word}')) for word in ("One", "Two")]
    assert quoted[0].steps[0].fingerprint != quoted[1].steps[0].fingerprint


def test_a_line_that_comes_out_blank_is_none_and_one_of_several_rows_keeps_them(plan_of: PlanOf) -> None:
    plan = plan_of("""
        p:
          params: {words: {type: string, default: ""}, count: {type: integer, default: 3}}
          shots:
            - {id: a, prompt: x, line: "{{ params.words }}"}
            - {id: b, prompt: x, line: "{{ params.count }}"}
            - id: c
              prompt: x
              line: |
                First row
                second row
        """)
    assert lines(plan) == {"a": None, "b": "3", "c": "First row\nsecond row"}


def test_saved_plans_keep_lines_and_older_ones_have_none(plan_of: PlanOf) -> None:
    plan = plan_of(WITHOUT.replace("prompt: Dawn", "prompt: Dawn, line: Good morning"))
    written = plan_to_json(plan)
    assert written["steps"][0]["line"] == "Good morning"
    assert plan_from_json(written) == plan
    del written["steps"][0]["line"]
    assert plan_from_json(written).steps[0].line is None


def test_what_is_made_from_a_line_that_is_not_known_yet_is_not_judged(declaration_of: DeclarationOf, catalog: Catalog) -> None:
    declaration = declaration_of("""
        p:
          params: {seconds: {type: string}}
          shots:
            - {id: a, prompt: x, line: "{{ params.seconds }}"}
            - {id: b, prompt: x, duration: "{{ shots.a.line }}"}
            - {id: c, prompt: x, duration: "{{ shots.b.line }}"}
        """)
    assert [(problem.code, problem.place.line) for problem in check_declaration(declaration, catalog) if problem.place] == [
        ("template", 12)
    ]


def test_lines_without_end_are_refused(declaration_of: DeclarationOf, catalog: Catalog) -> None:
    shots = "\n".join(f'    - {{id: s{n}, prompt: x, line: "{{{{ shots.s{n + 1}.line }}}}"}}' for n in range(1200))
    problems = check_declaration(declaration_of(f"p:\n  shots:\n{shots}\n    - {{id: s1200, prompt: x, line: Word}}\n"), catalog)
    assert problems[0].message.partition(": ")[2] == "line: lines quote lines that quote lines without end"
