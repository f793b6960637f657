#!/usr/bin/env python3
"""Measures filtered and sorted lists on a table and on one a tenth of its size; see README.md."""

import argparse
import os
import random
import sqlite3
import statistics
import subprocess
import tempfile
import time
from datetime import datetime, timedelta
from pathlib import Path

from server import Server, build, describe_machine, fail, log

BASE = 10_000  # orders made by the server; further ones are copies of these, as if made a minute before, two, and so on
CODES = 400  # each is that of 25 orders, whatever the size of the table: those of copies are others
INDEXED = {"lane": "STRING", "priority": "NUMBER", "due": "DATE_TIME", "code": "STRING"}
PLAIN = {"colour": "STRING", "floor": "NUMBER", "gift": "BOOLEAN", "note": "STRING"}
PAGE = "nodes { id clientOrderId status customAttributes workOrders { id status } } pageInfo { endCursor }"
TIMES = ["created_at", "updated_at"]
COPIES = {
    "platform_order": "id",
    "work_order": "id order_id return_of",
    "list_entry": "entity_id",
    "attribute_origin": "entity_id",
}


def order(number, attributes):
    """An order of three work orders and eight attributes, the same for a number on every machine."""
    chance = random.Random(number)
    values = {
        "lane": f"lane-{chance.randrange(10)}",
        "priority": chance.randrange(1_000),
        "due": f"2026-{chance.randrange(1, 13):02}-{chance.randrange(1, 29):02}T{chance.randrange(24):02}:00:00Z",
        "code": f"code-{number % CODES:03}",
        "colour": "red", "floor": 3, "gift": True, "note": "leave it at the door",
    }  # fmt: skip
    work_order = {
        "type": "MOVE_CONTAINERS", "pickup": {"location": {"facilityId": "WH-7"}},
        "containers": [{"containerId": "BOX-1"}],
    }  # fmt: skip
    return {
        "clientId": f"client-{number % 50}",
        "clientOrderId": f"O-{number:08}",
        "consignee": {"name": "Asha Rao", "phone": {"countryCode": "+91", "number": f"98{number % 10**8:08}"}},
        "destination": {"facilityId": "F-1"},
        "customAttributes": {key: values[key] for key in attributes},
        "workOrders": [work_order, work_order, {"type": "DIGITAL_SERVICE"}],
    }


def define(server, attributes, indexed):
    mutation = """mutation D($input: AttributeDefinitionCreateInput!) {
        attributeDefinitionCreate(input: $input) { userErrors { message } } }"""
    for key, kind in attributes.items():
        server.ask(mutation, {"input": {"owner": "ORDER", "key": key, "type": kind, "indexed": indexed}})


def make_base(server):
    """Orders by way of the server; work has begun on one in ten."""
    define(server, INDEXED, True)
    define(server, PLAIN, False)
    mutation = """mutation C($input: OrdersCreateInput!) { ordersCreate(input: $input) {
        failed results { order { workOrders { id } } } } }"""
    start = "mutation S($id: ID!) { workOrderTransition(input: {id: $id, event: \"START\"}) { userErrors { message } } }"
    for first in range(0, BASE, 500):
        orders = [order(number, [*INDEXED, *PLAIN]) for number in range(first, first + 500)]
        results = server.ask(mutation, {"input": {"orders": orders}})["ordersCreate"]["results"]
        for result in results[::10]:
            server.ask(start, {"id": result["order"]["workOrders"][0]["id"]})


def earlier_id(id, minutes):
    """An id as of that many minutes before: its first 48 bits are milliseconds."""
    return id and (int.from_bytes(id[:6], "big") - 60_000 * minutes).to_bytes(6, "big") + id[6:]


def other(value, number):
    """A copy's attributes, or one of them: of a code that no other order has, and of a lane that its due time does not tell."""
    if (lane := value.find(b"lane-")) >= 0:
        lane += len(b"lane-")
        value = value[:lane] + b"%d" % ((int(value[lane : lane + 1]) + number) % 10) + value[lane + 1 :]
    return value.replace(b"code-", b"copy-")


def earlier(time, minutes):
    moved = datetime.fromisoformat(time) - timedelta(minutes=minutes)
    return moved.isoformat(timespec="microseconds")


# The same as `earlier_id` in PostgreSQL's words.
EARLIER_ID = """(lpad(to_hex(('x' || translate(substr({0}::text, 1, 13), '-', ''))::bit(48)::bigint - number * 60000), 12, '0')
    || substr({0}::text, 15))::uuid"""

# The same as `other`, for the attributes of an order and for a value in the index.
OTHER_ATTRIBUTES = """replace(regexp_replace(custom_attributes, 'lane-[0-9]', 'lane-'
    || coalesce((substring(custom_attributes FROM 'lane-([0-9])')::int + number) % 10, 0)), 'code-', 'copy-')"""
OTHER_VALUE = """CASE WHEN position('code-'::bytea IN value) > 0
    THEN overlay(value PLACING 'copy-'::bytea FROM position('code-'::bytea IN value))
    WHEN position('lane-'::bytea IN value) > 0 THEN set_byte(value, position('lane-'::bytea IN value) + 4,
    48 + (get_byte(value, position('lane-'::bytea IN value) + 4) - 48 + number) % 10) ELSE value END"""


class Sqlite:
    """A store in a file."""

    def __init__(self, folder, name):
        self.file = Path(folder) / f"{name}.db"
        self.url = f"sqlite://{self.file}"

    def copy(self, count):
        connection = sqlite3.connect(self.file, isolation_level=None)
        connection.create_function("earlier_id", 2, earlier_id, deterministic=True)
        connection.create_function("earlier", 2, earlier, deterministic=True)
        connection.create_function("other", 2, other, deterministic=True)
        connection.execute("BEGIN IMMEDIATE")
        for table, ids in COPIES.items():
            columns = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
            changed = {c: f"earlier_id({c}, ?1)" for c in ids.split()} | {c: f"earlier({c}, ?1)" for c in TIMES}
            changed |= {"custom_attributes": "CAST(other(CAST(custom_attributes AS BLOB), ?1) AS TEXT)", "value": "other(value, ?1)"}
            chosen = [changed.get(c, f'"{c}"') for c in columns]
            # Held still while it is copied from: of a growing table a copy would be copied too.
            connection.execute(f"CREATE TEMP TABLE base_{table} AS SELECT * FROM {table}")
            for number in range(1, count):
                copy = f"INSERT INTO {table} SELECT {', '.join(chosen)} FROM base_{table}"
                connection.execute(copy, (number,))
        connection.execute("COMMIT")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.close()


class Postgres:
    """A database of the server that TEST_DATABASE_URL names."""

    def __init__(self, _, name):
        self.server = os.environ["TEST_DATABASE_URL"]
        self.name = f"bench_lists_{name}"
        self.url = self.server.rsplit("/", 1)[0] + "/" + self.name
        self.run(self.server, f"DROP DATABASE IF EXISTS {self.name}", f"CREATE DATABASE {self.name}")

    def run(self, url, *statements):
        commands = [part for statement in statements for part in ("-c", statement)]
        psql = ["psql", "-X", "-q", "-At", "-v", "ON_ERROR_STOP=1", url, *commands]
        return subprocess.run(psql, check=True, capture_output=True, text=True).stdout.split()

    def copy(self, count):
        for table, ids in COPIES.items():
            query = f"SELECT column_name FROM information_schema.columns WHERE table_name = '{table}' ORDER BY ordinal_position"
            columns = self.run(self.url, query)
            changed = {c: EARLIER_ID.format(c) for c in ids.split()} | {c: f"{c} - number * interval '1 minute'" for c in TIMES}
            changed |= {"custom_attributes": OTHER_ATTRIBUTES, "value": OTHER_VALUE}
            chosen = [changed.get(c, f'"{c}"') for c in columns]
            copy = f"INSERT INTO {table} SELECT {', '.join(chosen)} FROM {table}, generate_series(1, {count - 1}) number"
            self.run(self.url, copy)
        self.run(self.url, "VACUUM ANALYZE")


LISTS = {
    "newest": lambda n: {},
    "one attribute, by creation time": lambda n: {
        "where": {"attribute": {"key": "lane", "eq": f"lane-{n % 10}"}},
        "orderBy": [{"field": "CREATED_AT", "direction": "DESC"}],
    },
    "one attribute, by another": lambda n: {
        "where": {"attribute": {"key": "lane", "eq": f"lane-{n % 10}"}},
        "orderBy": [{"attribute": "due"}],
    },
    "a rare value, by another": lambda n: {
        "where": {"attribute": {"key": "code", "eq": f"code-{n * 7 % CODES:03}"}},
        "orderBy": [{"attribute": "priority", "direction": "DESC"}],
    },
    "status and type of a work order": lambda n: {
        "where": {"workOrders": {"some": {"status": {"eq": "IN_PROGRESS"}, "type": {"eq": "MOVE_CONTAINERS"}}}},
    },
    "client, newest": lambda n: {"where": {"clientId": {"eq": f"client-{n % 50}"}}},
}


def measure_lists(servers, rounds):
    """Median and 99th percentile of each list's first page, in milliseconds; the servers are asked in turns."""
    query = f"""query L($where: OrderWhere, $orderBy: [OrderOrder!]) {{
        orders(first: 20, where: $where, orderBy: $orderBy) {{ {PAGE} }} }}"""
    figures = {}
    for name, arguments in LISTS.items():
        times = [[] for _ in servers]
        for number in range(rounds + 20):
            for server, taken in zip(servers, times):
                begun = time.perf_counter()
                page = server.ask(query, arguments(number))["orders"]
                taken.append((time.perf_counter() - begun) * 1_000)
                if not page["nodes"]:
                    fail(f"the list {name!r} found nothing")
        # The first ones find neither statements nor pages in memory.
        ordered = [sorted(taken[20:]) for taken in times]
        figures[name] = [(statistics.median(taken), taken[int(len(taken) * 0.99)]) for taken in ordered]
    return figures


def measure_writes(binary, store, folder, rounds):
    """Median milliseconds of `orderCreate` with four indexed attributes and with none, one after the other."""
    stores = [store(folder, "none"), store(folder, "four")]
    mutation = "mutation C($input: OrderCreateInput!) { orderCreate(input: $input) { order { id } userErrors { message } } }"
    with Server(binary, stores[0].url, folder) as none, Server(binary, stores[1].url, folder) as four:
        define(none, INDEXED, False)
        define(four, INDEXED, True)
        times = {none: [], four: []}
        for number in range(rounds):
            for server in (none, four):
                begun = time.perf_counter()
                payload = server.ask(mutation, {"input": order(number, INDEXED)})["orderCreate"]
                times[server].append((time.perf_counter() - begun) * 1_000)
                if payload["userErrors"]:
                    fail(f"an order was refused: {payload}")
        return statistics.median(times[none]), statistics.median(times[four])


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--orders", type=int, help="in the greater table; default: 1,000,000, on SQLite 300,000")
    parser.add_argument("--rounds", type=int, default=200, help="pages of each list")
    parser.add_argument("--binary", type=Path, help="a server that is built already")
    options = parser.parse_args()
    store = Postgres if "TEST_DATABASE_URL" in os.environ else Sqlite
    orders = options.orders or (1_000_000 if store is Postgres else 300_000)
    binary = (options.binary or build()).resolve()
    with tempfile.TemporaryDirectory(prefix="waybill-bench-") as folder:
        places = []
        for size in (orders // 10, orders):
            place = store(folder, str(size))
            with Server(binary, place.url, folder) as server:
                make_base(server)
            log(f"copying to {size:,} orders")
            place.copy(max(size // BASE, 1))
            places.append(place)
        log("measuring lists")
        with Server(binary, places[0].url, folder) as small, Server(binary, places[1].url, folder) as great:
            figures = measure_lists([small, great], options.rounds)
        log("measuring writes")
        none, four = measure_writes(binary, store, folder, options.rounds)
    print(f"## Lists on {store.__name__}\n")
    for line in describe_machine():
        print(f"- {line}")
    print(f"- {options.rounds} pages of 20 of each list, one connection; milliseconds, HTTP included\n")
    print(f"| list | {orders // 10:,} p50 | p99 | {orders:,} p50 | p99 | p50 ratio |\n| --- | --- | --- | --- | --- | --- |")
    for name, ((p50, p99), (great_p50, great_p99)) in figures.items():
        print(f"| {name} | {p50:.2f} | {p99:.2f} | {great_p50:.2f} | {great_p99:.2f} | {great_p50 / p50:.2f} |")
    print(f"\n`orderCreate`: {none:.2f} ms with no attribute indexed, {four:.2f} ms with four: {four / none:.2f} times.")


if __name__ == "__main__":
    main()
