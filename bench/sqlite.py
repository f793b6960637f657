#!/usr/bin/env python3
"""Measures the release server on SQLite against the same statements through SQLite's C API in a loop; see README.md."""

import argparse
import json
import os
import re
import sqlite3
import statistics
import subprocess
import tempfile
import time
import uuid
from pathlib import Path

import workloads
from run import WORKLOADS, find_program
from server import Server, build, cpu_seconds, describe_machine, fail, log

TENANT = "default"


def connect(database):
    """A connection set up as the server sets up its own."""
    connection = sqlite3.connect(database, isolation_level=None, cached_statements=100)
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")
    return connection


def load(binary, folder, orders):
    """A store with that many orders of three work orders."""
    database, file = folder / "bench.db", folder / "orders.ndjson"
    template = workloads.compact(workloads.order_input(3))
    with open(file, "w") as lines:
        for number in range(1, orders + 1):
            lines.write(template.replace("@", f"LOAD-{number:08}") + "\n")
    with Server(binary, f"sqlite://{database}", folder) as server:
        workloads.define_attributes(server)
    environment = {**os.environ, "WAYBILL_DATABASE_URL": f"sqlite://{database}", "RUST_LOG": "warn"}
    subprocess.run([binary, "import", file], env=environment, cwd=folder, check=True, capture_output=True)
    return database


def page(connection):
    """The rows of the page, whole, in two statements."""
    orders = connection.execute(
        "SELECT * FROM platform_order WHERE tenant_id = ? ORDER BY id DESC LIMIT 20", (TENANT,)
    ).fetchall()  # fmt: skip
    ids = [order[1] for order in orders]
    marks = ",".join("?" * len(ids))
    return connection.execute(
        f"SELECT * FROM work_order WHERE tenant_id = ? AND order_id IN ({marks})", (TENANT, *ids)
    ).fetchall()  # fmt: skip


class Create:
    """The rows of an order as the server wrote them, under new ids, in one transaction."""

    TABLES = [("platform_order", "id"), ("work_order", "order_id"), ("event", "order_id")]

    def __init__(self, connection, order_id):
        connection.row_factory = sqlite3.Row
        self.rows = []
        for table, column in self.TABLES:
            found = connection.execute(f"SELECT * FROM {table} WHERE tenant_id = ? AND {column} = ?", (TENANT, order_id))
            self.rows += [(table, dict(row)) for row in found]
        kept = connection.execute("SELECT * FROM idempotency_key WHERE entity_id = ?", (order_id,)).fetchone()
        self.rows.insert(0, ("idempotency_key", dict(kept)))
        connection.row_factory = None
        self.ids = {value for _, row in self.rows for name, value in row.items() if self.is_id(name, value)}
        self.events = sum(table == "event" for table, _ in self.rows)

    @staticmethod
    def is_id(name, value):
        return isinstance(value, bytes) and name != "input_hash"

    def __call__(self, connection):
        new = dict(zip(self.ids, (uuid.uuid4().bytes for _ in self.ids)))
        connection.execute("BEGIN IMMEDIATE")
        (head,) = connection.execute(
            "UPDATE event_head SET position = position + ? WHERE tenant_id = ? RETURNING position", (self.events, TENANT)
        ).fetchone()  # fmt: skip
        position = head - self.events
        for table, row in self.rows:
            values = {name: new[value] if self.is_id(name, value) else value for name, value in row.items()}
            if table == "event":
                position += 1
                values["position"] = position
            if table == "idempotency_key":
                values["key"] = values["entity_id"].hex()
            names, marks = ",".join(values), ",".join("?" * len(values))
            connection.execute(f"INSERT INTO {table} ({names}) VALUES ({marks})", tuple(values.values()))
        connection.execute("COMMIT")


def run_limit(work, connection, seconds):
    """How often a second the loop does its work."""
    begun, count = time.perf_counter(), 0
    while (elapsed := time.perf_counter() - begun) < seconds:
        work(connection)
        count += 1
    return count / elapsed


def run_waybill(server, folder, workload, connections, seconds, tag):
    """One run of wrk against the server."""
    command = [
        find_program("wrk"), "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "10s",
        "-s", str(Path(__file__).parent / "http.lua"), server.url + "/graphql",
        "--", str(folder / f"{workload}.json"), WORKLOADS[workload], *([tag] if workload == "create" else []),
    ]  # fmt: skip
    before = cpu_seconds(server.pid)
    output = subprocess.run(command, capture_output=True, text=True)
    cpu = cpu_seconds(server.pid) - before
    found = re.search(r"^RESULT (.*)$", output.stdout, re.MULTILINE)
    result = json.loads(found[1]) if found else fail(f"wrk failed:\n{output.stdout}{output.stderr}")
    if result["wrong"] or result["broken"] or not result["right"]:
        fail(f"{workload}, {connections} connections: wrong answers or broken connections: {result}")
    rate = result["right"] / result["seconds"]
    return {"rate": rate, "p50": result["p50_ms"], "p99": result["p99_ms"], "cpu": cpu * 1000 / result["right"]}


def measure(server, folder, database, options):
    tag = f"s{time.time_ns():x}"
    made = server.ask(
        workloads.CREATE, {"input": workloads.order_input(3, clientOrderId="CHECK-1", idempotencyKey=tag)}
    )["orderCreate"]
    if made["userErrors"] or made["order"]["version"] != 3:
        fail(f"orderCreate did not make an order that passes straight through intake: {made}")
    connection = connect(database)
    newest = connection.execute(
        "SELECT id FROM platform_order WHERE tenant_id = ? AND client_order_id = 'CHECK-1'", (TENANT,)
    ).fetchone()[0]  # fmt: skip
    works = {"page": page, "create": Create(connection, newest)}
    for workload in options.workloads:
        for connections in options.connections:
            rounds = []
            for number in range(options.rounds + 1):
                # Round 0 warms up and does not count.
                seconds = options.seconds if number else 1
                one = run_waybill(server, folder, workload, connections, seconds, f"{tag}-{connections}-{number}")
                one["limit"] = run_limit(works[workload], connection, seconds)
                one["ratio"] = one["rate"] / one["limit"]
                rounds.append(one)
            row = {name: statistics.median(one[name] for one in rounds[1:]) for name in rounds[0]}
            log(f"{workload}, {connections} connections: {row['rate']:.0f}/s, ratio {row['ratio']:.2f}")
            yield workload, connections, row


def main():
    parser = argparse.ArgumentParser(prog="bench/sqlite.py", description=__doc__)
    parser.add_argument("--orders", type=int, default=20_000, help="orders in the store (default: %(default)s)")
    parser.add_argument("--seconds", type=int, default=5, help="length of a run (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=3, help="runs on each side (default: %(default)s)")
    parser.add_argument("--connections", type=int, nargs="+", default=[1, 16], help="(default: 1 16)")
    parser.add_argument("--workloads", nargs="+", choices=["page", "create"], default=["page", "create"])
    parser.add_argument("--binary", type=Path, help="measure this binary instead of building one")
    options = parser.parse_args()
    binary = (options.binary or build()).resolve()
    with tempfile.TemporaryDirectory(prefix="waybill-sqlite-") as name:
        folder = Path(name)
        log(f"loading {options.orders} orders of three work orders")
        database = load(binary, folder, options.orders)
        workloads.write_files(folder, 1)
        with Server(binary, f"sqlite://{database}", folder) as server:
            rows = list(measure(server, folder, database, options))
    print()
    for line in describe_machine():
        print(f"- {line}")
    print(f"- SQLite {sqlite3.sqlite_version} in the loop; {options.orders} orders of 3 work orders;")
    print(f"  medians of {options.rounds} runs of {options.seconds} s a side")
    print()
    print("| workload | connections | waybill req/s | loop /s | ratio | p50 ms | p99 ms | server CPU ms/req |")
    print("| --- |" + " ---: |" * 7)
    for workload, connections, row in rows:
        figures = f"{row['rate']:.0f} | {row['limit']:.0f} | {row['ratio']:.2f} | {row['p50']:.2f} | {row['p99']:.2f}"
        print(f"| {workload} | {connections} | {figures} | {row['cpu']:.3f} |")


if __name__ == "__main__":
    main()
