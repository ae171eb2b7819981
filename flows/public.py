"""Addresses under which people can open delivered files in a browser, and that do not expire: for links and pictures in the Prefect UI."""

from __future__ import annotations

import os
from urllib.parse import quote

from animatic.flows.environment import PUBLIC_URL
from animatic.takes.destination import SIMULATED
from animatic.takes.run import Run

S3 = "s3://"


def public_address(run: Run, name: str) -> str | None:
    """Return where a browser finds a file of a run; None where nobody said how its destination can be read.

    A bucket without a public address has the AWS console's: that asks who is there, and never expires.
    """
    base = os.environ.get(PUBLIC_URL, "").rstrip("/")
    if base:
        inside = f"{run.prefix}/{name}"
        return f"{base}/{quote(f'{SIMULATED}/{inside}' if run.simulated else inside)}"
    address = run.address(name)
    if address.startswith(S3) and not (os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")):
        bucket, _, key = address.removeprefix(S3).partition("/")
        return f"https://console.aws.amazon.com/s3/object/{bucket}?prefix={quote(key)}"
    return None
