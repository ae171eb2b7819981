"""``animatic`` and ``python -m animatic``: the command line, imported in here, so that Ctrl-C means the same from the first moment on."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line. Where it is interrupted before it can hear that, nothing has been submitted yet."""
    try:
        from animatic.cli import main as command  # noqa: PLC0415 (what takes time is imported where an interrupt is heard)

        command()
    except KeyboardInterrupt:
        sys.stderr.write("error: interrupted: this command had submitted nothing\n")
        sys.exit(130)


if __name__ == "__main__":
    main()
