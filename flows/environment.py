"""Variables by which a process of ours tells the runs that it starts what they cannot know. Imports nothing: Prefect reads the environment when it is imported."""

from __future__ import annotations

FILE = "ANIMATIC_FILE"
"""The pipelines file, relative to the working folder that the pull steps of a deployment leave."""
FOLLOW = "ANIMATIC_FOLLOW"
"""Set: render whatever the file says, deployed or not."""
SIMULATOR = "ANIMATIC_SIMULATOR_URL"
"""The simulator to use instead of Krea. Set by ``animatic up`` alone: a scheduled run without a token must fail, not fill a bucket with slates."""
PUBLIC_URL = "ANIMATIC_PUBLIC_URL"
"""Where the destination can be read over HTTP: a distribution before the bucket, a file server, or ``animatic up``'s own."""
AWS_BLOCK = "ANIMATIC_AWS_BLOCK"
"""Name of an ``AwsCredentials`` block of prefect-aws, for workers without credentials of their own."""
