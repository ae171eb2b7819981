"""What a destination says, and what its text form keeps."""

from __future__ import annotations

from pathlib import Path

import pytest

from animatic.destination import BadDestinationError, Bucket, Folder, PutOptions, absolute, parse_destination

FULL = PutOptions(sse="aws:kms", kms_key="arn:aws:kms:eu-west-1:1:key/a b+c&d", acl="private", cache_control="public, max-age=60")


def test_options_stand_behind_the_prefix_and_come_back() -> None:
    bucket = Bucket("brand-media", "films", FULL)
    assert parse_destination(str(bucket)) == bucket
    assert bucket.place == "s3://brand-media/films"
    assert absolute(str(bucket), below=Path("/elsewhere")) == str(bucket)
    assert str(parse_destination("s3://brand-media/films/?acl=private")) == "s3://brand-media/films?acl=private"
    assert str(parse_destination("s3://brand-media")) == "s3://brand-media"


def test_a_folder_may_hold_what_looks_like_options() -> None:
    assert parse_destination("./out?acl=private") == Folder("./out?acl=private")


@pytest.mark.parametrize(
    "text",
    [
        "s3://brand-media/f?x",
        "s3://brand-media/f?sse=",
        "s3://brand-media/f?sse=rot13",
        "s3://brand-media/f?kms_key=a",
        "s3://brand-media/f?acl=a%0Ab",
    ],
)
def test_what_stands_behind_a_prefix_and_is_no_option_is_an_error(text: str) -> None:
    with pytest.raises(BadDestinationError):
        parse_destination(text)


@pytest.mark.parametrize(
    ("text", "write"), [("s3:/brand-media/x", "s3://brand-media/x"), ("S3:brand-media", "s3://brand-media"), ("s3:", "s3://bucket")]
)
def test_a_bucket_that_lacks_a_slash_is_no_folder(text: str, write: str) -> None:
    with pytest.raises(BadDestinationError, match="lacks a slash") as refused:
        parse_destination(text)
    assert refused.value.hint == f"write {write}"
    assert parse_destination("./s3:/brand-media") == Folder("./s3:/brand-media")


@pytest.mark.parametrize("text", ["$HOME/out", "${BUCKET}/x", "%TEMP%", "s3://brand-media/${STAGE}/x"])
def test_what_only_shells_fill_in_is_no_name_of_a_folder(text: str) -> None:
    with pytest.raises(BadDestinationError, match="not filled in"):
        parse_destination(text)


def test_a_home_is_that_of_whoever_runs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/mara")
    assert absolute("~/out", below=Path("/film")) == "/home/mara/out"
    assert absolute("./~/out", below=Path("/film")) == "/film/~/out"
    assert absolute("~nobody-of-that-name/out", below=Path("/film")) == "/film/~nobody-of-that-name/out"


@pytest.mark.parametrize("text", ["./~out", "out~", "a$b", "~out~/x", "./$x", "50%/x"])
def test_signs_elsewhere_in_a_path_are_nothing_special(text: str) -> None:
    assert parse_destination(text) == Folder(text)
