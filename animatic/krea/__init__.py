"""Talks to Krea: submits and reads jobs, waits for them, moves files, receives webhooks. The only package that knows Krea's HTTP.

``KreaClient`` sends and reads, ``Watcher`` waits for many jobs with few requests, ``WebhookReceiver`` (in `animatic.krea.webhook`, which
brings a web server) receives callbacks inside a run, ``WebhookExchange`` for the runs of other processes, which hear of them through a
``WebhookListener``. Failures are those of `animatic.errors`, and the three of `animatic.krea.errors`.
"""

from animatic.krea.client import KreaClient
from animatic.krea.errors import (
    ANSWERED_NO,
    MODERATED,
    TURNED_AWAY,
    ExpiredUrlError,
    LostAnswerError,
    NotSentError,
    ResultUnreachableError,
)
from animatic.krea.listing import incomplete
from animatic.krea.reasons import JobError
from animatic.krea.transfer import Download
from animatic.krea.wait import Watcher
from animatic.krea.wire import Asset, Job

__all__ = [
    "ANSWERED_NO",
    "MODERATED",
    "TURNED_AWAY",
    "Asset",
    "Download",
    "ExpiredUrlError",
    "Job",
    "JobError",
    "KreaClient",
    "LostAnswerError",
    "NotSentError",
    "ResultUnreachableError",
    "Watcher",
    "incomplete",
]
