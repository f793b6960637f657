"""Measures the release server on PostgreSQL against the limits of that PostgreSQL; see README.md.

Started by run.sh, which brings up the database and names it in TEST_DATABASE_URL.
"""

import argparse
import json
import os
import re
import shutil
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

import bulk
import workloads
from server import Server, build, cpu_seconds, describe_machine, fail, log, resident_mib

HERE = Path(__file__).resolve().parent
CONNECTIONS = [1, 16, 64]
# Name of the workload, and what a right answer contains.
WORKLOADS = {"page": '"nodes":[{', "order": '"order":{', "create": '"userErrors":[]'}


class Postgres:
    """The database that server and limit work on."""

    def __init__(self, maintenance_url):
        self.maintenance_url = maintenance_url
        self.url = maintenance_url.rpartition("/")[0] + "/waybill_bench"
        self.psql = find_program("psql")
        self.pgbench = find_program("pgbench")

    def query(self, sql, url=None):
        command = [self.psql, "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", url or self.url, "-c", sql]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    def create(self):
        self.query("DROP DATABASE IF EXISTS waybill_bench", self.maintenance_url)
        self.query("CREATE DATABASE waybill_bench", self.maintenance_url)
        data = self.query("SHOW data_directory")
        # Its first line is the process that all others of this server descend from.
        self.pid = int((Path(data) / "postmaster.pid").read_text().split()[0])

    def load(self, orders):
        variables = {**workloads.documents(), "orders": orders, "base": workloads.BASE}
        options = [option for name, value in variables.items() for option in ("-v", f"{name}={value}")]
        command = [self.psql, "-X", "-q", "-d", self.url, *options, "-f", str(HERE / "sql/load.sql")]
        subprocess.run(command, check=True)

    def describe(self):
        settings = ["server_version", "shared_buffers", "fsync", "synchronous_commit"]
        return "PostgreSQL, " + ", ".join(f"{name} {self.query('SHOW ' + name)}" for name in settings)


def find_program(name):
    path = shutil.which(name, path=os.environ.get("POSTGRES_BIN")) or shutil.which(name)
    return path or fail(f"{name} is missing; install it from the system's packages")


def run_waybill(server, postgres, folder, workload, connections, seconds, tag):
    """One run of wrk against the server."""
    values = {"page": [], "order": [str(folder / "order_ids")], "create": [tag]}[workload]
    command = [
        find_program("wrk"), "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "10s",
        "-s", str(HERE / "http.lua"), server.url + "/graphql",
        "--", str(folder / f"{workload}.json"), WORKLOADS[workload], *values,
    ]  # fmt: skip
    before = cpu_seconds(server.pid), cpu_seconds(postgres.pid, with_children=True)
    output = subprocess.run(command, capture_output=True, text=True)
    after = cpu_seconds(server.pid), cpu_seconds(postgres.pid, with_children=True)
    found = re.search(r"^RESULT (.*)$", output.stdout, re.MULTILINE)
    if not found:
        fail(f"wrk failed:\n{output.stdout}{output.stderr}")
    result = json.loads(found[1])
    if result["wrong"] or result["broken"] or not result["right"]:
        fail(f"{workload}, {connections} connections: wrong answers or broken connections: {result}")
    count = result["right"]
    return {
        "count": count,
        "rate": count / result["seconds"],
        "p50": result["p50_ms"],
        "p99": result["p99_ms"],
        "server_cpu": (after[0] - before[0]) * 1000 / count,
        "postgres_cpu": (after[1] - before[1]) * 1000 / count,
    }


def run_limit(postgres, script, connections, seconds, orders):
    """One run of pgbench with that script of the folder sql."""
    variables = {"orders": orders, "base": workloads.BASE}
    if script.startswith("page"):
        newest = "SELECT id FROM platform_order WHERE tenant_id = 'default' ORDER BY id DESC LIMIT 20"
        variables = {"ids": postgres.query(f"SELECT array_agg(id) FROM ({newest}) AS page")}
    if script == "create":
        variables = workloads.documents()
    command = [
        postgres.pgbench, "-n", "-M", "prepared", "-j1", f"-c{connections}", f"-T{seconds}",
        *(option for name, value in variables.items() for option in ("-D", f"{name}={value}")),
        "-f", str(HERE / f"sql/{script}.sql"), postgres.url,
    ]  # fmt: skip
    before = cpu_seconds(postgres.pid, with_children=True)
    output = subprocess.run(command, capture_output=True, text=True)
    after = cpu_seconds(postgres.pid, with_children=True)
    rate = re.search(r"^tps = ([\d.]+)", output.stdout, re.MULTILINE)
    count = re.search(r"^number of transactions actually processed: (\d+)", output.stdout, re.MULTILINE)
    if output.returncode or not rate or not count:
        fail(f"pgbench failed:\n{output.stdout}{output.stderr}")
    return {
        "count": int(count[1]),
        "rate": float(rate[1]),
        "postgres_cpu": (after - before) * 1000 / int(count[1]),
    }


def check_answers(server, orders):
    """Asks each workload's question once and looks at the whole answer."""
    nodes = server.ask(workloads.PAGE)["orders"]["nodes"]
    newest = [workloads.loaded_order_id(n) for n in range(orders, orders - 20, -1)]
    if [node["id"] for node in nodes] != newest or any(len(node["workOrders"]) != 3 for node in nodes):
        fail("the page does not hold the 20 newest orders with 3 work orders each")
    if nodes[0]["customAttributes"]["shipmentNumber"] != f"SHP-{orders:08}":
        fail("the page does not hold the custom attributes")
    order = server.ask(workloads.ORDER, {"id": workloads.loaded_order_id(1)})["order"]
    if order is None or order["clientOrderId"] != "LOAD-1" or len(order["workOrders"]) != 3:
        fail("order(id:) does not give the first order")
    made = server.ask(
        workloads.CREATE, {"input": workloads.order_input(3, clientOrderId="CHECK-1", idempotencyKey="check-1")}
    )["orderCreate"]
    if made["userErrors"] or made["order"]["version"] != 3:
        fail(f"orderCreate did not make an order that passes straight through intake: {made}")


def check_rows(postgres, orders, acknowledged, in_flight):
    """Whether every order that was acknowledged is there, whole, with its events."""

    def count(rows):
        return int(postgres.query("SELECT count(*) FROM " + rows))

    made = count("platform_order WHERE client_order_id LIKE 'w%-0-%'")
    if not acknowledged <= made <= acknowledged + in_flight:
        fail(f"{acknowledged} orders were acknowledged, but {made} are there")
    total = count("platform_order")
    found = [count("work_order"), count("idempotency_key"), count("event")]
    expected = [3 * total, total - orders, orders + 6 * (total - orders)]
    if found != expected:
        fail(f"{total} orders need {expected} work orders, idempotency keys and events, but there are {found}")
    if int(postgres.query("SELECT position FROM event_head WHERE tenant_id = 'default'")) != expected[2]:
        fail("the head of the event log is not the number of events")
    log(f"checked: {made} orders were acknowledged and are there, whole")


def run_round(server, postgres, folder, options, workload, connections, seconds, tag):
    """One short run on each side; ratios are taken here, so that a slow moment of the machine hits both."""
    figures = run_waybill(server, postgres, folder, workload, connections, seconds, tag)
    # The limits: the same rows whole and, where rows are read, only the columns that the query asks for.
    for limit, script in [("limit", workload), ("asked", workload + "_asked")]:
        if (HERE / f"sql/{script}.sql").exists():
            found = run_limit(postgres, script, connections, seconds, options.orders)
            figures[limit] = found["rate"]
            figures[limit + "_cpu"] = found["postgres_cpu"]
            figures[limit + "_ratio"] = figures["rate"] / found["rate"]
    return figures


def measure(server, postgres, folder, options):
    """The medians of every workload at every number of connections."""
    start = time.time_ns() // 1_000_000
    acknowledged = in_flight = 0
    for workload in options.workloads:
        if workload == "bulk":
            continue
        for connections in options.connections:
            rounds = []
            for number in range(options.rounds + 1):
                # Round 0 warms caches, pools and prepared statements, and does not count.
                seconds = options.seconds if number else 1
                tag = f"w{start:x}{workload[0]}{connections}r{number}"
                rounds.append(run_round(server, postgres, folder, options, workload, connections, seconds, tag))
            if workload == "create":
                acknowledged += sum(one["count"] for one in rounds)
                in_flight += connections * len(rounds)
            del rounds[0]
            row = {name: statistics.median(one[name] for one in rounds) for name in rounds[0]}
            log(f"{workload}, {connections} connections: {row['rate']:.0f}/s, ratio {row['limit_ratio']:.2f}")
            yield {"workload": workload, "connections": connections, **row}
    if "create" in options.workloads:
        check_rows(postgres, options.orders, acknowledged, in_flight)
    # After the rows were checked, because these have no idempotency keys.
    if "bulk" in options.workloads:
        rounds = [bulk.run_round(server, postgres, f"b{start:x}r{number}") for number in range(options.rounds + 1)][1:]
        row = {name: statistics.median(one[name] for one in rounds) for name in rounds[0]}
        log(f"bulk: {row['rate']:.0f} orders/s, ratio {row['limit_ratio']:.2f}")
        yield {"workload": "bulk", "connections": 1, **row}


def print_table(rows):
    columns = [
        ("workload", "workload", ""),
        ("connections", "connections", ""),
        ("waybill req/s", "rate", ".0f"),
        ("limit tps", "limit", ".0f"),
        ("ratio", "limit_ratio", ".2f"),
        ("stricter limit tps", "asked", ".0f"),
        ("ratio", "asked_ratio", ".2f"),
        ("p50 ms", "p50", ".2f"),
        ("p99 ms", "p99", ".2f"),
        ("server CPU ms/req", "server_cpu", ".3f"),
        ("PostgreSQL CPU ms/req", "postgres_cpu", ".3f"),
        ("limit's PostgreSQL CPU ms/tx", "limit_cpu", ".3f"),
    ]
    print("| " + " | ".join(title for title, _, _ in columns) + " |")
    print("| --- |" + " ---: |" * (len(columns) - 1))
    for row in rows:
        print("| " + " | ".join(format(row[name], form) if name in row else "" for _, name, form in columns) + " |")


def parse_options():
    choices = [*WORKLOADS, "bulk"]
    parser = argparse.ArgumentParser(prog="bench/run.sh", description=__doc__.splitlines()[0])
    parser.add_argument("--orders", type=int, default=100_000, help="orders in the tables (default: %(default)s)")
    parser.add_argument("--seconds", type=int, default=5, help="length of a run (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=3, help="runs on each side (default: %(default)s)")
    parser.add_argument("--connections", type=int, nargs="+", default=CONNECTIONS, help="(default: 1 16 64)")
    parser.add_argument("--workloads", nargs="+", choices=choices, default=choices, help="(default: all)")
    parser.add_argument("--binary", type=Path, help="measure this binary instead of building one")
    options = parser.parse_args()
    if options.orders < 20:
        parser.error("--orders must be at least 20: that is a page")
    if min(options.seconds, options.rounds, *options.connections) < 1:
        parser.error("--seconds, --rounds and --connections must be at least 1")
    return options


def main():
    options = parse_options()
    find_program("wrk")
    maintenance_url = os.environ.get("TEST_DATABASE_URL") or fail("start this through bench/run.sh")
    postgres = Postgres(maintenance_url)
    binary = (options.binary or build()).resolve()
    postgres.create()
    with tempfile.TemporaryDirectory(prefix="waybill-bench-") as name:
        folder = Path(name)
        workloads.write_files(folder, options.orders)
        with Server(binary, postgres.url, folder) as server:
            first_start = server.first_answer_seconds
        log(f"loading {options.orders} orders of three work orders")
        postgres.load(options.orders)
        with Server(binary, postgres.url, folder) as server:
            next_start = server.first_answer_seconds
            time.sleep(1)
            idle = resident_mib(server.pid)
            workloads.define_attributes(server)
            check_answers(server, options.orders)
            rows = list(measure(server, postgres, folder, options))
            busy = resident_mib(server.pid, "VmHWM")
        complaints = (folder / "server.log").read_text().strip()
    print()
    for line in [*describe_machine(), postgres.describe()]:
        print(f"- {line}")
    print(f"- {options.orders} orders of 3 work orders; medians of {options.rounds} runs of {options.seconds} s a side")
    print(f"- start to first answer: {first_start:.3f} s with an empty database, {next_start:.3f} s with a full one")
    print(f"- resident memory: {idle:.1f} MiB idle after the start, {busy:.1f} MiB at most under load")
    print()
    print_table(rows)
    if complaints:
        log(f"the server logged:\n{complaints[-2000:]}")


if __name__ == "__main__":
    main()
