"""Secrets of a run that nobody at a terminal started: the environment first, else blocks of the Prefect server. Never parameters, never logs.

Krea's token may be a Secret block, ``krea-api-token``. For S3 boto3's own chain is asked; where ``ANIMATIC_AWS_BLOCK`` names an
``AwsCredentials`` block of prefect-aws, that is put into this process's environment, which boto3 reads first.
"""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Any

from prefect.blocks.system import Secret as SecretBlock

from animatic.errors import UsageError
from animatic.flows.environment import AWS_BLOCK
from animatic.settings import Secret, Settings

TOKEN_BLOCK = "krea-api-token"  # noqa: S105 (the name of a block, not what it holds)


async def with_token(settings: Settings) -> Settings:
    """Return the settings with a token: the environment's, else that of the Secret block, else without one."""
    if settings.krea_token is not None:
        return settings
    text = await _token_of_block()
    return settings if text is None else replace(settings, krea_token=Secret(text))


async def _token_of_block() -> str | None:
    try:
        block: Any = await SecretBlock.aload(TOKEN_BLOCK)
    except ValueError:  # what Prefect raises where there is no such block
        return None
    text = str(block.get()).strip()
    if not text or any(ord(character) < 33 or ord(character) > 126 for character in text):  # noqa: PLR2004
        raise UsageError(f"the Secret block {TOKEN_BLOCK!r} holds no token", hint="save the token in it again: one line, no quotes")
    return text


async def use_aws_block() -> None:
    """Take S3 credentials from the block that ``ANIMATIC_AWS_BLOCK`` names, if it names one. Raises UsageError where that cannot be had."""
    name = os.environ.get(AWS_BLOCK)
    if not name:
        return
    try:
        from prefect_aws import AwsCredentials  # type: ignore[import-not-found,unused-ignore]
    except ImportError:
        raise UsageError(f"{AWS_BLOCK} is set, but prefect-aws is not installed", hint="pip install prefect-aws, or unset it") from None
    try:
        block = await AwsCredentials.aload(name)
    except ValueError:
        raise UsageError(
            f"there is no AwsCredentials block {name!r} ({AWS_BLOCK})", hint="make one in the UI: Blocks, AWS Credentials"
        ) from None
    secret = block.aws_secret_access_key
    for variable, value in (
        ("AWS_ACCESS_KEY_ID", block.aws_access_key_id),
        ("AWS_SECRET_ACCESS_KEY", secret.get_secret_value() if secret else None),
        ("AWS_SESSION_TOKEN", block.aws_session_token),
        ("AWS_REGION", block.region_name),
    ):
        if value:
            os.environ[variable] = str(value)
