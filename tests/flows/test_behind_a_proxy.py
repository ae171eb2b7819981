"""The command in a company's network: a real proxy that refuses to pass on what is meant for this machine, as such proxies do."""

from __future__ import annotations

import http.server
import json
import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from animatic.prefect.server import LocalServer
from animatic.simulator import launch
from tests.flows.deploying import ANIMATIC, TOKEN, Api, pipelines, process, wait_for
from tests.s3server import S3

pytest_plugins = ["tests.s3server"]
pytestmark = pytest.mark.timeout(300)


@dataclass
class Proxy:
    """Answers 502 to everything, and remembers what it was asked for."""

    url: str = ""
    asked: list[str] = field(default_factory=list)


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    found = Proxy()

    class Handler(http.server.BaseHTTPRequestHandler):
        def refuse(self) -> None:
            found.asked.append(f"{self.command} {self.path}")
            self.send_response(502)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def __getattr__(self, name: str) -> Callable[[], None]:
            if name.startswith("do_"):
                return self.refuse
            raise AttributeError(name)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the base class's own word)
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    found.url = f"http://127.0.0.1:{server.server_port}"
    yield found
    server.shutdown()
    server.server_close()


@pytest.fixture
def name() -> str:
    return "town"


@pytest.mark.parametrize(
    "variables",
    [{"HTTP_PROXY": "{}", "HTTPS_PROXY": "{}"}, {"all_proxy": "{}", "NO_PROXY": "[::1],10.0.0.0/8,*.corp"}, {"ALL_PROXY": "socks5://{}"}],
)
def test_a_simulated_run_needs_no_proxy(
    variables: dict[str, str], animatic: Callable[..., Any], proxy: Proxy, tmp_path: Path, name: str
) -> None:
    (tmp_path / "pipelines.yaml").write_text(pipelines(name))
    variables = {key: value.format(proxy.url.removeprefix("http://") if "//" in value else proxy.url) for key, value in variables.items()}
    ended = animatic("run", name, "--simulate", **variables)
    assert ended.code == 0, ended.err
    assert proxy.asked == []


def test_doctor_names_the_variable_that_stands_before_krea_and_no_other(animatic: Callable[..., Any], proxy: Proxy, tmp_path: Path) -> None:
    (tmp_path / "pipelines.yaml").write_text(pipelines("town"))
    environment = {"KREA_API_TOKEN": TOKEN, "ANIMATIC_OUTAGE_SECONDS": "2"}
    ended = animatic("doctor", "--json", HTTP_PROXY=proxy.url, https_proxy=proxy.url, **environment)
    checks = {item["subject"]: item for item in json.loads(ended.out)}
    assert ended.code == 6
    assert checks["Prefect API"]["state"] == "ok"
    assert checks["Krea token"]["state"] == "fail"
    assert f"HTTPS_PROXY sends requests to api.krea.ai through {proxy.url}" in checks["Krea token"]["hint"].replace("https_", "HTTPS_")
    assert {line.split()[1] for line in proxy.asked} == {"api.krea.ai:443"}

    ended = animatic("doctor", "--json", ALL_PROXY="socks5://127.0.0.1:9", **environment)
    (krea,) = [item for item in json.loads(ended.out) if item["subject"] == "Krea token"]
    assert (krea["exit_code"], ended.code) == (2, 2)
    assert "ALL_PROXY, which is a SOCKS proxy" in krea["message"]


def test_a_prefect_server_elsewhere_is_asked_through_the_proxy(animatic: Callable[..., Any], proxy: Proxy, tmp_path: Path) -> None:
    (tmp_path / "pipelines.yaml").write_text(pipelines("town"))
    elsewhere = "http://prefect.studio.example:4200/api"
    ended = animatic("run", "--simulate", PREFECT_API_URL=elsewhere, HTTP_PROXY=proxy.url)
    assert ended.code == 6
    assert f"HTTP_PROXY sends requests to prefect.studio.example through {proxy.url}" in ended.err
    assert proxy.asked == [f"GET {elsewhere}/health"]
    ended = animatic("run", "--simulate", PREFECT_API_URL=elsewhere, HTTP_PROXY="socks5://127.0.0.1:9")
    assert ended.code == 2
    assert "prefect.studio.example would be asked through HTTP_PROXY, which is a SOCKS proxy" in ended.err


def test_a_bucket_elsewhere_is_asked_through_the_proxy_and_one_here_directly(
    animatic: Callable[..., Any], proxy: Proxy, tmp_path: Path, s3: S3
) -> None:
    (tmp_path / "pipelines.yaml").write_text(pipelines("town", deliver=f"{s3.url}/films"))
    ended = animatic("run", "--simulate", ALL_PROXY=proxy.url, ANIMATIC_OUTAGE_SECONDS="2")
    assert ended.code == 0, ended.err
    assert proxy.asked == []
    elsewhere = {"AWS_ENDPOINT_URL_S3": "https://s3.studio.example", "ANIMATIC_OUTAGE_SECONDS": "2"}
    ended = animatic("doctor", "--simulate", ALL_PROXY=proxy.url, **elsewhere)
    assert ended.code == 6
    assert f"ALL_PROXY sends requests to s3.studio.example through {proxy.url}" in ended.out
    assert set(proxy.asked) == {"CONNECT s3.studio.example:443"}


def test_served_runs_and_their_processes_reach_what_is_here(
    krea: Callable[..., launch.Running], prefect_server: LocalServer, proxy: Proxy, tmp_path: Path
) -> None:
    name = "town-behind-a-proxy"
    (tmp_path / "pipelines.yaml").write_text(pipelines(name))
    environment = {
        "PREFECT_API_URL": prefect_server.api_url,
        "KREA_API_URL": krea().url,
        "KREA_API_TOKEN": TOKEN,
        "ANIMATIC_POLL_SECONDS": "0.3",
        "HTTP_PROXY": proxy.url,
        "ALL_PROXY": "socks5://127.0.0.1:9",
        "NO_PROXY": "[::1]",
    }
    api = Api(prefect_server.api_url)
    with api.http, process(*ANIMATIC, "serve", cwd=tmp_path, log=tmp_path / "serve.log", **environment):
        wait_for(lambda: api.http.get(f"/deployments/name/{name}/{name}").is_success)
        ended = api.wait(api.start(name))
    assert ended["state"]["type"] == "COMPLETED", (ended["state"], (tmp_path / "serve.log").read_text()[-3000:])
    assert proxy.asked == []


@pytest.mark.slow
def test_all_of_up_works_behind_a_proxy(proxy: Proxy, tmp_path: Path) -> None:
    (tmp_path / "pipelines.yaml").write_text(pipelines("town"))
    log = tmp_path / "up.log"
    environment = {"ANIMATIC_HOME": str(tmp_path / "state"), "HTTP_PROXY": proxy.url, "HTTPS_PROXY": proxy.url}
    with process(*ANIMATIC, "up", cwd=tmp_path, log=log, **environment):
        wait_for(lambda: "Everything is up" in log.read_text(), seconds=150)
        (address,) = re.findall(r"Prefect UI +(\S+)", log.read_text())
        api = Api(f"{address}/api")
        with api.http:
            ended = api.wait(api.start("town"))
    assert ended["state"]["type"] == "COMPLETED", (ended["state"], log.read_text()[-3000:])
    assert [line for line in proxy.asked if "127.0.0.1" in line or "localhost" in line] == []
