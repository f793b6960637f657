"""`ordersCreate` of many orders in one call, against COPY of the rows that it wrote; see README.md. Part of run.py."""

import subprocess
import tempfile
import time
from pathlib import Path

import workloads
from server import cpu_seconds, fail

ORDERS = 1_000
# Tables that an order is written to, and how to find what the call wrote, in an order that references allow.
TABLES = [("platform_order", "id"), ("work_order", "order_id"), ("event", "order_id")]
MUTATION = """mutation($input: OrdersCreateInput!) {
    ordersCreate(input: $input) { results { order { id version } userErrors { code message path } } }
}"""


def create(server, postgres, tag):
    """One call; seconds, and CPU of both sides for an order, in milliseconds."""
    orders = [
        {**workloads.order_input(3), "clientOrderId": f"{tag}-{number}"} for number in range(ORDERS)
    ]  # fmt: skip
    before = time.perf_counter(), cpu_seconds(server.pid), cpu_seconds(postgres.pid, with_children=True)
    results = server.ask(MUTATION, {"input": {"orders": orders}})["ordersCreate"]["results"]
    after = time.perf_counter(), cpu_seconds(server.pid), cpu_seconds(postgres.pid, with_children=True)
    if len(results) != ORDERS or any(one["userErrors"] or one["order"]["version"] != 3 for one in results):
        fail(f"ordersCreate did not make {ORDERS} orders: {str(results)[:500]}")
    seconds, server_cpu, postgres_cpu = (b - a for a, b in zip(before, after))
    return seconds, server_cpu * 1000 / ORDERS, postgres_cpu * 1000 / ORDERS


def copy(postgres, tag, folder):
    """Takes the rows of a call out and copies them in again, in one transaction; seconds that the latter took."""
    chosen = f"SELECT id FROM platform_order WHERE client_order_id LIKE '{tag}-%'"
    take_out, put_in = [], []
    for table, column in TABLES:
        file = folder / f"{table}.copy"
        take_out.append(f"\\copy (SELECT * FROM {table} WHERE {column} IN ({chosen})) TO '{file}'")
        put_in.append(f"\\copy {table} FROM '{file}'")
    deletes = [f"DELETE FROM {table} WHERE {column} IN ({chosen});" for table, column in reversed(TABLES)]
    clock = "SELECT extract(epoch FROM clock_timestamp());"
    script = [*take_out, "BEGIN;", *deletes, "COMMIT;", clock, "BEGIN;", *put_in, "COMMIT;", clock]
    command = [postgres.psql, "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", postgres.url]
    done = subprocess.run(command, input="\n".join(script), capture_output=True, text=True)
    if done.returncode:
        fail(f"COPY failed:\n{done.stdout}{done.stderr}")
    begun, ended = map(float, done.stdout.split())
    return ended - begun


def run_round(server, postgres, tag):
    """One call and one COPY."""
    with tempfile.TemporaryDirectory(prefix="waybill-copy-") as name:
        seconds, server_cpu, postgres_cpu = create(server, postgres, tag)
        limit = copy(postgres, tag, Path(name))
    return {
        "rate": ORDERS / seconds,
        "limit": ORDERS / limit,
        "limit_ratio": limit / seconds,
        "p50": seconds * 1000,
        "server_cpu": server_cpu,
        "postgres_cpu": postgres_cpu,
    }
