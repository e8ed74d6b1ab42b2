"""Prometheus asks every service of the compose file, and Grafana for what they really tell."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from pmstore.testing.servers import PostgresServer, RedisServer, free_port
from tests.deploy.dashboard import (
    FOLDER,
    dashboard,
    labels_of,
    metrics_of,
    panels,
    shown_by,
    targets,
)
from tests.deploy.files import DEPLOY, compose, compose_services
from tests.services.fleet import Fleet, over_both

DEADLINE_S = 60.0
RARE = {"pmstore_errors_total", "pmstore_outbox_depth", "pmstore_outbox_lag_seconds"}
"""Has no series before there was an error, or notes to relay; its name is there from the start."""
ORDER = {
    "event_id": 1,
    "market_id": 1,
    "token_id": "y1",
    "side": "buy",
    "type": "limit",
    "price": "0.5",
    "quantity": "1",
}


def scraped() -> dict[str, list[tuple[str, dict[str, str]]]]:
    """By job what Prometheus asks, each with its labels."""
    document = yaml.safe_load((DEPLOY / "prometheus.yml").read_text(encoding="utf-8"))
    return {
        job["job_name"]: [
            (target, one["labels"]) for one in job["static_configs"] for target in one["targets"]
        ]
        for job in document["scrape_configs"]
    }


def test_prometheus_asks_every_process_of_the_compose_file_where_it_tells_its_health() -> None:
    expected = {
        (f"127.0.0.1:{one['environment']['SERVICE_PORT']}", name)
        for name, one in compose_services().items()
    }
    assert {(target, labels["process"]) for target, labels in scraped()["services"]} == expected


def test_prometheus_asks_the_gateways_where_clients_do() -> None:
    settings = dict(
        line.split("=", 1)
        for line in (DEPLOY / ".env.distributed").read_text(encoding="utf-8").splitlines()
        if "=" in line and not line.startswith("#")
    )
    asked = {labels["process"]: target for target, labels in scraped()["gateways"]}
    assert asked == {
        "api": f"127.0.0.1:{settings['API_PORT']}",
        "websocket-depth": f"127.0.0.1:{settings['WEBSOCKET_DEPTH_PORT']}",
    }


def test_who_watches_runs_only_where_it_is_asked_for_and_listens_on_loopback() -> None:
    services = compose()["services"]
    assert [services[name]["profiles"] for name in ("prometheus", "grafana")] == [
        ["monitoring"],
        ["monitoring"],
    ]
    assert "--web.listen-address=127.0.0.1:" in services["prometheus"]["command"]
    assert services["grafana"]["environment"]["GF_SERVER_HTTP_ADDR"] == "127.0.0.1"


def test_grafana_asks_the_prometheus_that_runs_beside_it() -> None:
    [path] = (FOLDER / "provisioning/datasources").iterdir()
    [source] = yaml.safe_load(path.read_text(encoding="utf-8"))["datasources"]
    assert f"--web.listen-address={source['url'].removeprefix('http://')}" in (
        compose()["services"]["prometheus"]["command"].split()
    )
    [path] = (FOLDER / "provisioning/dashboards").iterdir()
    [provider] = yaml.safe_load(path.read_text(encoding="utf-8"))["providers"]
    mounted = [one.split(":")[1] for one in compose()["services"]["grafana"]["volumes"]]
    assert f"{provider['options']['path']}/pmengine.json" in mounted


def test_every_panel_has_an_id_a_place_and_a_description_of_its_own() -> None:
    ids = [panel["id"] for panel in panels()]
    assert len(set(ids)) == len(ids) > 0
    taken: set[tuple[int, int]] = set()
    for panel in panels():
        place = panel["gridPos"]
        cells = {
            (place["x"] + column, place["y"] + line)
            for column in range(place["w"])
            for line in range(place["h"])
        }
        assert max(column for column, _ in cells) < 24
        assert not cells & taken, f"{panel['title']} lies on another"
        taken |= cells
        if panel["type"] != "row":
            assert panel["description"].endswith(".")
            assert panel["targets"]
            refs = [target["refId"] for target in panel["targets"]]
            assert len(set(refs)) == len(refs)
    assert dashboard()["uid"] == "pmengine"


def test_a_series_is_named_by_labels_that_its_query_keeps() -> None:
    for target in targets():
        assert metrics_of(target["expr"]), target["expr"]
        assert shown_by(target["legendFormat"]) <= labels_of(target["expr"]), target["expr"]


async def told(urls: list[str]) -> dict[str, set[str]]:
    """The names of the series that *urls* tell, with their labels."""
    found: dict[str, set[str]] = {}
    async with httpx.AsyncClient(timeout=60) as client:
        for url in urls:
            text = (await client.get(f"{url}/metrics")).text
            for family in text_string_to_metric_families(text):
                names = {family.name, f"{family.name}_total"} & RARE
                for name in names:
                    found.setdefault(name, set())
                for sample in family.samples:
                    found.setdefault(sample.name, set()).update(sample.labels)
    return found


async def trade(client: httpx.AsyncClient) -> None:
    """An order of somebody with money, and a look at it."""

    async def done(path: str, body: dict[str, Any]) -> None:
        answer = await client.post(path, json=body, headers={"X-User-Id": "u1"})
        assert answer.status_code in (200, 201), answer.text

    await done("/events", {"event_id": 1, "markets": {"1": {"token_ids": ["y1", "n1"]}}})
    await done("/deposits", {"id": "d1", "user_id": "u1", "amount": "10"})
    await done("/orders", ORDER)
    await look(client)


async def look(client: httpx.AsyncClient) -> None:
    """Ask for the order: the truth while history moves, and the caches afterwards."""
    shown = await client.get("/orders", headers={"X-User-Id": "u1"})
    assert len(shown.json()["items"]) == 1


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_the_services_tell_every_metric_that_the_dashboard_asks_for(tmp_path: Path) -> None:
    ports = {
        name: str(free_port())
        for name in ("API_PORT", "WEBSOCKET_DEPTH_PORT", "WEBSOCKET_USER_PORT", "ASSET_PORT")
    }
    url = f"http://127.0.0.1:{ports['API_PORT']}"
    asked = set().union(*(metrics_of(target["expr"]) for target in targets()))
    from_prometheus = {"le", *(key for job in scraped().values() for _, one in job for key in one)}
    with (
        RedisServer(tmp_path / "redis") as redis,
        PostgresServer(tmp_path / "postgres") as postgres,
    ):
        postgres.create_database("exchange")
        environ = over_both(redis, postgres, "exchange", **ports)
        async with Fleet(tmp_path / "fleet", environ) as fleet:
            engine = await fleet.run("engine")
            rest = await fleet.run("relay processor settlement store history depth event")
            doors = await fleet.run("api websocket-depth websocket-user asset")
            for process in (engine, rest, doors):
                await process.ready()
            urls = [url, engine.health, rest.health, doors.health]
            async with httpx.AsyncClient(base_url=f"{url}/api/v1", timeout=30) as client:
                await trade(client)
                found = await told(urls)
                try:
                    async with asyncio.timeout(DEADLINE_S):
                        while not asked <= set(found):  # the first snapshot is taken after a while
                            await asyncio.sleep(0.2)
                            found = await told(urls)
                except TimeoutError:
                    pytest.fail(f"nobody tells {sorted(asked - set(found))}")
                page = ""
                async with asyncio.timeout(DEADLINE_S):
                    while '<th scope="row">orders</th>' not in page:
                        await look(client)
                        page = (await client.get(f"{url}/status")).text
                        await asyncio.sleep(0.2)
            assert '<td class="good">closed</td>' in page
    for target in targets():
        expression = target["expr"]
        known = set().union(*(found[name] for name in metrics_of(expression)))
        if not metrics_of(expression) <= RARE:
            assert labels_of(expression) <= known | from_prometheus, expression
