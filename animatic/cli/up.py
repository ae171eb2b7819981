"""``up``: everything at once on this machine, for trying things: Prefect server with UI, simulator, deployments served, files behind links."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from animatic.cli.deploy import checked, chosen_file, deploy_served, one_file_option, say
from animatic.errors import PrefectError, UsageError
from animatic.plan import destination_of
from animatic.settings import PUBLIC_URL, SIMULATOR_URL, Settings
from animatic.spec import Declaration

if TYPE_CHECKING:
    from animatic.prefect.server import LocalServer

port_type = click.IntRange(0, 65535)


@click.command()
@one_file_option
@click.option("--port", type=port_type, help="Port of the Prefect UI (default: 4200, or a free one).")
@click.option("--simulator-port", type=port_type, default=0, help="Port of the simulator (default: a free one).")
@click.option("--files-port", type=port_type, default=0, help="Port at which delivered files open (default: a free one).")
@click.option("--limit", type=click.IntRange(1), default=4, show_default=True, help="Runs at once.")
def up(file: Path | None, port: int | None, simulator_port: int, files_port: int, limit: int) -> None:
    """Bring up a local Prefect server with UI, the Krea simulator and all deployments, until Ctrl-C. Nothing is paid."""
    path = chosen_file(file)
    declaration = checked(path)
    settings = Settings.from_environment()
    if "PREFECT_API_URL" in os.environ:
        say("PREFECT_API_URL is set and is not used: `up` brings a server of its own (`animatic serve` uses yours)")
    # Also where a shell started us in the background, with SIGINT ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with contextlib.ExitStack() as stack:
        stack.enter_context(only_one(settings.home))
        files = stack.enter_context(bound(files_port, "--files-port"))
        simulator = stack.enter_context(_simulator(settings.home, simulator_port))
        server = stack.enter_context(_server(settings.home, port))
        _set_environment(api_url=server.api_url, simulator_url=simulator)
        from animatic.prefect.files_server import serving

        os.environ[PUBLIC_URL] = stack.enter_context(serving(folders(declaration), files))
        print(f"Prefect UI   {server.ui_url}", flush=True)
        print(f"simulator    {simulator}", flush=True)
        print(f"files        {os.environ[PUBLIC_URL]}", flush=True)
        with contextlib.suppress(KeyboardInterrupt, asyncio.CancelledError):
            asyncio.run(_serve(declaration, path, limit))
        say("Ending ...")


async def _serve(declaration: Declaration, path: Path, limit: int) -> None:
    from animatic.prefect.origin import in_folder
    from animatic.prefect.serve import serve

    deployments = await deploy_served(declaration, in_folder(path), follow=True, prune=True)
    say("Everything is up: start a run in the UI under Deployments. Ctrl-C ends all of it.")
    await serve(deployments, limit=limit)


def folders(declaration: Declaration) -> dict[str, Path]:
    """Return the folder that each pipeline delivers to; those that deliver to S3 are left out."""
    found = {name: destination_of(spec) for name, spec in declaration.pipelines.items()}
    return {name: Path(place) for name, place in found.items() if "://" not in place}


@contextlib.contextmanager
def only_one(home: Path) -> Iterator[None]:
    """Let one `up` at a time use a state folder. Raises UsageError for the second."""
    import fcntl

    home.mkdir(parents=True, exist_ok=True)
    with (home / "up.lock").open("a+") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            handle.seek(0)
            holder = handle.read().strip()
            raise UsageError(
                f"animatic is up already{f' (process {holder})' if holder else ''}",
                hint="end that one with Ctrl-C, or set ANIMATIC_HOME to another folder for a second",
            ) from None
        handle.truncate(0)
        handle.write(str(os.getpid()))
        handle.flush()
        yield


@contextlib.contextmanager
def bound(port: int, option: str) -> Iterator[socket.socket]:
    """Bind a port of this machine before anything is started. Raises UsageError where it is taken."""
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", port))
        except OSError as error:
            raise UsageError(f"port {port} cannot be used: {error.strerror}", hint=f"choose another: {option}") from None
        yield listener


@contextlib.contextmanager
def _simulator(home: Path, port: int) -> Iterator[str]:
    from animatic.simulator import launch

    if port:
        with bound(port, "--simulator-port"):
            pass
    with launch.start(home / "simulator", port=port) as running:
        yield running.url


@contextlib.contextmanager
def _server(home: Path, port: int | None) -> Iterator[LocalServer]:
    from animatic.prefect.server import ensure, running, stop

    there = running(home)
    if there is not None and port not in {None, there.port}:
        raise PrefectError(
            f"the local Prefect server is up at port {there.port}, not {port}", hint="end it with: animatic down; or leave --port out"
        )
    if there is None and port:
        with bound(port, "--port"):
            pass
    server = ensure(home, port=port, tell=say)
    try:
        yield server
    finally:
        stop(home)


def _set_environment(*, api_url: str, simulator_url: str) -> None:
    """Set what the served runs inherit. Only they: nothing else of this machine is ever simulated unasked."""
    os.environ |= {
        "PREFECT_API_URL": api_url,
        "PREFECT_CLIENT_SERVER_VERSION_CHECK_ENABLED": "false",
        "DO_NOT_TRACK": "1",
        SIMULATOR_URL: simulator_url,
    }
