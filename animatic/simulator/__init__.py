"""Simulates Krea on this machine: the embedded default, and the tests' peer.

It validates requests by its own reading of the API, moves jobs through every documented status, renders slates to judge timing by, and
keeps the bill. It shares no code with the client. ``start`` runs it as a child process; ``python -m animatic.simulator`` by hand.

Jobs, assets and results lie in one folder and outlive a restart: what a job is doing follows from the time of its acceptance and the clock.

Besides Krea's routes there are::

    GET  /_simulator/billing    every completed job: id, route, price, hash of the request
    GET  /_simulator/stats      how often each kind of request and each fault occurred, since this process started
    GET  /_simulator/settings   how it behaves
    POST /_simulator/settings   changes that, e.g. {"faults": {"lost_after": 0.2}}: see `SimulatorSettings` and `Faults`

Single shots go wrong on purpose by a directive in their prompt. With ``once`` at its end it holds for the first request only::

    [sim: fail]         the job ends failed               [sim: 429]          too many jobs at once
    [sim: moderated]    failed, for its content           [sim: credits]      402: the balance is used up
    [sim: empty]        completed without a file          [sim: plan]         402: the model needs a higher plan
    [sim: slow 30]      takes 30 seconds                  [sim: gone]         410: the model was withdrawn
    [sim: cut]          its download ends half-way        [sim: 422]          an input file was rejected
    [sim: deprecated]   the answer announces a sunset     [sim: 500]          accepted, but answered with 500
    [sim: lost]         accepted, but never answered      [sim: 524]          accepted, but answered by a proxy's page
    [sim: lost-before]  neither accepted nor answered     [sim: black]        a clip that is black from its middle on
    [sim: frozen]       a clip that stands still          [sim: fail once]    fails the first time only
"""

from __future__ import annotations

from animatic.simulator.launch import Running, start
from animatic.simulator.settings import Faults, SimulatorSettings

__all__ = ["Faults", "Running", "SimulatorSettings", "start"]
