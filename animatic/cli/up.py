"""``up``: starts everything on this machine, for trying things: Prefect server with UI, simulator, served deployments, a file server."""

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

from animatic.cli.deploy import take_over_option
from animatic.cli.lookup import deployable
from animatic.cli.options import one_file_option
from animatic.cli.output import say
from animatic.cli.serve import deploy_served, limit_option
from animatic.destination import is_remote
from animatic.errors import PrefectError, UsageError
from animatic.home import part_of
from animatic.plan import destination_of
from animatic.settings import Settings, pipelines_file, serve_file, simulate_served_runs, use_prefect_api
from animatic.signals import stop_signals

if TYPE_CHECKING:
    from animatic.prefect.server import LocalServer
    from animatic.spec import Declaration

port_type = click.IntRange(0, 65535)


@click.command()
@one_file_option
@click.option("--port", type=port_type, help="Port of the Prefect UI (default: that of the last time, 4200, or a free one).")
@click.option("--simulator-port", type=port_type, default=0, help="Port of the simulator (default: a free one).")
@click.option("--files-port", type=port_type, default=0, help="Port at which delivered files open (default: that of the last time).")
@limit_option
@take_over_option
def up(file: Path | None, port: int | None, simulator_port: int, files_port: int, limit: int, take_over: bool | None) -> None:
    """Start a local Prefect server with UI, the simulator and all deployments.

    Runs go to the simulator: nothing is paid. All of it ends at Ctrl-C.
    """
    path = file or pipelines_file()
    declaration = deployable(path)
    settings = Settings.from_environment()
    if settings.prefect_api_url is not None:
        say("PREFECT_API_URL is set and is not used: `up` brings a server of its own (`animatic serve` uses yours)")
    # Also where a shell started us in the background, with SIGINT ignored.
    for number in stop_signals():
        signal.signal(number, signal.default_int_handler)
    with contextlib.ExitStack() as stack:
        stack.enter_context(only_one(settings.home))
        files = stack.enter_context(_files_port(settings.home, path, files_port))
        simulator_url = stack.enter_context(_simulator(settings.home, simulator_port))
        server = stack.enter_context(_server(settings.home, port))
        use_prefect_api(server.api_url)
        from animatic.prefect.files_server import serving

        files_url = stack.enter_context(serving(folders(declaration), files))
        serve_file(path, follow=True)
        simulate_served_runs(simulator_url=simulator_url, public_url=files_url)
        print(f"Prefect UI   {server.ui_url}", flush=True)
        print(f"simulator    {simulator_url}", flush=True)
        print(f"files        {files_url}", flush=True)
        with contextlib.suppress(KeyboardInterrupt, asyncio.CancelledError):
            asyncio.run(_serve(declaration, path, limit, take_over=take_over))
        say("Ending ...")


async def _serve(declaration: Declaration, path: Path, limit: int, *, take_over: bool | None) -> None:
    from animatic.prefect.origin import in_folder
    from animatic.prefect.serve import serve

    deployments = await deploy_served(declaration, in_folder(path), follow=True, prune=True, take_over=take_over)
    say("Everything is up: start a run in the UI under Deployments. Ctrl-C ends all of it.")
    await serve(deployments, limit=limit)


def folders(declaration: Declaration) -> dict[str, Path]:
    """Return the folder that each pipeline delivers to; those that deliver to a bucket are left out."""
    found = {name: destination_of(spec) for name, spec in declaration.pipelines.items()}
    return {name: Path(place) for name, place in found.items() if not is_remote(place)}


@contextlib.contextmanager
def only_one(home: Path) -> Iterator[None]:
    """Let one `up` at a time use a state folder. Raises UsageError for the second."""
    import fcntl

    part_of(home)
    with (home / "up.lock").open("a+") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            handle.seek(0)
            holder = handle.read().strip()
            raise UsageError(
                f"animatic is up already{f' (process {holder})' if holder else ''}",
                hint="end that one with Ctrl-C, or set ANIMATIC_HOME to another folder to have a second",
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
def _files_port(home: Path, file: Path, port: int) -> Iterator[socket.socket]:
    """Bind the port of delivered files: the one that this project had before, as links of earlier runs name it."""
    from animatic.prefect.ports import files_of, port_for, remember

    with bound(port or port_for(home, files_of(file)), "--files-port") as listener:
        remember(home, files_of(file), int(listener.getsockname()[1]))
        yield listener


@contextlib.contextmanager
def _simulator(home: Path, port: int) -> Iterator[str]:
    from animatic.simulator import launch

    if port:
        with bound(port, "--simulator-port"):
            pass
    with launch.start(part_of(home, "simulator"), port=port) as running:
        yield running.url


@contextlib.contextmanager
def _server(home: Path, port: int | None) -> Iterator[LocalServer]:
    from animatic.prefect.server import ensure, running, stop

    there = running(home)
    if there is not None and port not in {None, there.port}:
        raise PrefectError(
            f"the local Prefect server is up at port {there.port}, not {port}", hint="end it with `animatic down`, or leave --port out"
        )
    if there is None and port:
        with bound(port, "--port"):
            pass
    server = ensure(home, port=port, tell=say)
    try:
        yield server
    finally:
        stop(home)
