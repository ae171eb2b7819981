"""The reason is found in every body that has been seen, and never carries secrets or pages of HTML."""

from __future__ import annotations

import json
from typing import Any

import pytest

from animatic.krea.reasons import MAX_REASON_LENGTH, JobError, explain_body


@pytest.mark.parametrize(
    ("data", "code", "message"),
    [
        ({"error": "bad body"}, "", "bad body"),
        ({"error": {"code": 17, "message": "bad body"}}, "17", "bad body"),
        ({"message": "Unauthorized"}, "", "Unauthorized"),
        ({"error": "model_unavailable", "message": "It is gone"}, "model_unavailable", "It is gone"),
        ({"error": "Bad Request", "message": "no prompt"}, "", "no prompt"),
        ({"detail": "nope"}, "", "nope"),
        (
            {"detail": [{"loc": ["body", "prompt"], "msg": "missing"}, {"loc": ["body", "fps"], "msg": "odd"}]},
            "",
            "prompt: missing; fps: odd",
        ),
        ({"issues": [{"path": ["images", 0], "message": "not a url"}]}, "", "images.0: not a url"),
        ({"errors": ["one", "two"]}, "", "one; two"),
        ({"errors": {"duration": ["too long"]}}, "", "duration: too long"),
        ({"validationErrors": [{"field": "seed", "message": "negative"}]}, "", "seed: negative"),
        ({"error": {"message": "invalid", "details": {"seed": "negative"}}}, "", "invalid; seed: negative"),
        ({"code": "E9"}, "E9", "E9"),
        ("just text", "", "just text"),
        ([{"message": "a"}, {"message": "a"}], "", "a"),
        ({"ok": True}, "", "the answer gives no reason"),
        ([], "", "the answer gives no reason"),
    ],
)
def test_json_bodies(data: Any, code: str, message: str) -> None:
    found = explain_body(json.dumps(data).encode(), "application/json")
    assert (found.code, found.message) == (code, message)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "the answer is empty"),
        (b"  \n", "the answer is empty"),
        (b"<!DOCTYPE html><html><head><title>524: A\n timeout &amp; more</title></head><body>" + b"x" * 5000, "524: A timeout & more"),
        (b"<html><body>no title</body></html>", "an HTML page without a title"),
        (b"upstream connect error", "upstream connect error"),
        (b"\xff\xfe broken", "\ufffd\ufffd broken"),
    ],
)
def test_other_bodies(body: bytes, message: str) -> None:
    assert explain_body(body, "").message == message


def test_long_reasons_are_cut() -> None:
    assert len(explain_body(b'{"error": "' + b"x" * 9000 + b'"}', "").message) == MAX_REASON_LENGTH


REFUSED = [
    ("OutputVideoSensitiveContentDetected", "The request failed because the output video may contain sensitive information."),
    ("InputImageSensitiveContentDetected.PrivacyInformation", "The input image may contain real person."),
    ("InputTextSensitiveContentDetected", ""),
    ("", "Failure to pass the risk control system"),
    ("", "The prompt could not be submitted. It might violate Google's Responsible AI practices"),
    ("", "This prompt contains words that violate Vertex AI's usage guidelines. Support codes: 58061214"),
    ("", "Veo could not generate videos because the input image violates our usage guidelines"),
    ("", "your request contains blocked words"),
    ("", "We can't create videos of public figures."),
    ("content_policy_violation", "Your request was rejected by our safety system."),
    ("moderation_blocked", "blocked"),
    ("DataInspectionFailed", "Input data may contain inappropriate content."),
    ("1026", "input new_sensitive"),
    ("", "The video content is sensitive"),
    ("SAFETY.INPUT.TEXT", ""),
    ("CreationPolicyViolation", "the creation failed"),
    ("AuditSubmitIllegal", ""),
    ("", "Generated image rejected by content moderation."),
    ("", "Request Moderated"),
    ("", "This content may violate our guardrails concerning similarity to third-party content."),
    ("", "Prompt flagged by content policy"),
    ("", "The image was filtered out because it violated Google's policies"),
    ("", "NSFW content detected"),
]
NOT_REFUSED = [
    ("worker_lost", "the worker was lost"),
    ("", "safety_tolerance must be between 0 and 6"),
    ("invalid_parameter", "safety_filter_level: not in the enum"),
    ("", "names are case-sensitive"),
    ("", "the audio could not be decoded: unsupported content type"),
    ("", "violates the constraint: duration must be at most 10"),
    ("", "you exceeded your current quota, please check your plan"),
    ("", "image_url could not be fetched (403 forbidden)"),
    ("", "internal server error: blocking call timed out"),
    ("", "the prompt is too long: 4001 of 4000 characters"),
    ("", "Sorry, you have been blocked by the owner of this site"),
    ("", "enable_safety_checker is not a field of this model"),
]


@pytest.mark.parametrize(("code", "message"), REFUSED)
def test_providers_that_refuse_content_are_understood(code: str, message: str) -> None:
    assert JobError(code, message).moderated


@pytest.mark.parametrize(("code", "message"), NOT_REFUSED)
def test_other_failures_are_no_moderation(code: str, message: str) -> None:
    assert not JobError(code, message).moderated


@pytest.mark.parametrize(
    ("code", "message", "refused"),
    [
        ("OutputVideoSensitiveContentDetected", "The request failed because the output video may contain sensitive information.", True),
        ("OutputAudioSensitiveContentDetected", "", True),
        ("", "Generated image rejected by content moderation.", True),
        ("", "The generated videos were filtered out because they violated Google's usage guidelines", True),
        ("", "raiMediaFilteredCount: 1", True),
        ("InputImageSensitiveContentDetected.PrivacyInformation", "The input image may contain real person.", False),
        ("", "The prompt would lead to output that violates our content policy", False),
        ("", "Failure to pass the risk control system", False),
        ("worker_lost", "the output could not be written", False),
        ("", "generated video is too long", False),
    ],
)
def test_a_refusal_of_what_came_out_is_told_from_one_of_what_went_in(code: str, message: str, refused: bool) -> None:
    assert JobError(code, message).output_refused is refused


@pytest.mark.parametrize("body", [b"<title>\x1b[2Jall is well</title>", b"\x1b[2Jall is well", rb'{"error": "\u001b[2Jall is well"}'])
def test_no_answer_steers_a_terminal(body: bytes) -> None:
    assert explain_body(body, "").message == "\ufffd[2Jall is well"
