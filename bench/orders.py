"""Orders over HTTP with eight clients, all durable, beside plain inserts of the same rows."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

from bench.figures import Figure, figure, tell
from bench.ground import Ground, backends, child, connect, cpu_seconds, free_port

CLIENTS = 8
WARM_UP = 80
TABLES = {
    "profiles_profile": "id = (SELECT profile_id FROM orders_order WHERE id = %s)",
    "profiles_identifier": "profile_id = (SELECT profile_id FROM orders_order WHERE id = %s)",
    "profiles_profileshop": "profile_id = (SELECT profile_id FROM orders_order WHERE id = %s)",
    "profiles_postaladdress": "profile_id = (SELECT profile_id FROM orders_order WHERE id = %s)",
    "profiles_figures": "profile_id = (SELECT profile_id FROM orders_order WHERE id = %s)",
    "orders_order": "id = %s",
    "orders_orderline": "order_id = %s",
    "kernel_eventrecord": "profile_id = (SELECT profile_id FROM orders_order WHERE id = %s)",
    "kernel_delivery": "event_id IN (SELECT e.id FROM kernel_eventrecord e JOIN orders_order o"
    " ON o.profile_id = e.profile_id WHERE o.id = %s)",
}


def measure(ground: Ground, *, count: int, rounds: int = 3) -> Iterator[Figure]:
    """Orders per second, CPU per order (web process and its database backends), and the raw limit."""
    port = free_port()
    server = ("-m", "uvicorn", "ecrm.asgi:application", "--host", "127.0.0.1", "--port", str(port))
    rates, costs = [], []
    quiet = ("--log-level", "error", "--no-access-log", "--no-proxy-headers")
    with child(*server, *quiet, port=port) as web:
        _put_all(port, ground.key, range(WARM_UP))
        for round_ in range(rounds):
            first = WARM_UP + round_ * count
            pids = [web.pid, *backends()]
            before, begun = cpu_seconds(*pids), time.perf_counter()
            _put_all(port, ground.key, range(first, first + count))
            rates.append(count / (time.perf_counter() - begun))
            costs.append((cpu_seconds(*pids) - before) * 1000 / count)
    raw = tell(figure("orders.raw_inserts", _raw(count, rounds), "orders/s"))
    yield raw
    yield tell(figure("orders.http", rates, "orders/s", beside=raw))
    yield tell(figure("orders.cpu", costs, "CPU-ms/order"))


def document(number: int) -> dict[str, Any]:
    """A paid order with two lines of a customer who is new."""
    moment = datetime.now(UTC).isoformat(timespec="seconds")
    address = {
        "name": "Camille Moreau", "line1": "12, rue des Lilas", "postcode": "75011",
        "city": "Paris", "country": "FR",
    }  # fmt: skip
    line = {"sku": "PUL-1", "name": "Pull", "quantity": 1, "unit_price": "60.00", "total": "60.00"}
    return {
        "number": f"FR-{number}", "placed_at": moment, "updated_at": moment, "version": 1,
        "status": "paid", "currency": "EUR",
        "customer": {
            "external_id": f"C{number}", "email": f"customer{number}@bench.example",
            "first_name": "Camille", "last_name": "Moreau", "locale": "fr-FR",
        },
        "lines": [line, line],
        "shipping": {"method": "Post", "amount": "0.00"},
        "totals": {"items": "120.00", "discount": "0.00", "shipping": "0.00", "grand": "120.00"},
        "shipping_address": address, "billing_address": address,
    }  # fmt: skip


def _put_all(port: int, key: str, numbers: range) -> None:
    """Eight clients, each with one connection, share the numbers; they are kept as light as possible."""

    def client(offset: int) -> None:
        headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        server = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        for number in numbers[offset::CLIENTS]:
            body = json.dumps(document(number))
            server.request("PUT", f"/api/v1/orders/{number}", body=body, headers=headers)
            answer = server.getresponse()
            if answer.status != HTTPStatus.CREATED:
                raise RuntimeError(f"{answer.status}: {answer.read().decode()}")
            answer.read()
        server.close()

    with ThreadPoolExecutor(max_workers=CLIENTS) as pool:
        list(pool.map(client, range(CLIENTS)))


def _raw(count: int, rounds: int) -> list[float]:
    """The same rows into tables with the same indexes: one transaction per order, eight connections."""
    orders = _rows_of_orders(count)
    return [_insert_all(orders) for _round in range(rounds)]


def _rows_of_orders(count: int) -> list[list[tuple[str, list[tuple[Any, ...]]]]]:
    with connect() as connection, connection.cursor() as cursor:
        for table in TABLES:
            cursor.execute(f"CREATE TABLE raw_{table} (LIKE {table} INCLUDING INDEXES)")
        cursor.execute("SELECT id FROM orders_order ORDER BY id DESC LIMIT %s", [count])
        found = []
        for (order_id,) in cursor.fetchall():
            rows = []
            for table, condition in TABLES.items():
                cursor.execute(f"SELECT t::text FROM {table} t WHERE {condition}", [order_id])
                rows.append((table, cursor.fetchall()))
            found.append(rows)
        return found


def _insert_all(orders: list[list[tuple[str, list[tuple[Any, ...]]]]]) -> float:
    with connect() as connection, connection.cursor() as cursor:
        cursor.execute("TRUNCATE " + ", ".join(f"raw_{table}" for table in TABLES))

    def client(offset: int) -> None:
        connection = connect()
        with connection.cursor() as cursor:
            for order in orders[offset::CLIENTS]:
                for table, rows in order:
                    for (row,) in rows:
                        cursor.execute(f"INSERT INTO raw_{table} SELECT (%s::raw_{table}).*", [row])
                connection.commit()
        connection.close()

    begun = time.perf_counter()
    with ThreadPoolExecutor(max_workers=CLIENTS) as pool:
        list(pool.map(client, range(CLIENTS)))
    return len(orders) / (time.perf_counter() - begun)
