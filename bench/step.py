#!/usr/bin/env python3
"""Measures what a step of a plugin workflow adds to the time that its plugin takes; see README.md."""

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from datetime import datetime

from fairness import CREATE, ORDER
from server import Server, build, describe_machine, fail, log

# Milliseconds, by quantile.
LIMITS = {0.50: 10, 0.99: 50}
WATCH = "subscription { orderStatusChanged { orderId toStatus } }"
ANSWER = b'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 19\r\n\r\n{"verdict": "PASS"}'


def instant(text):
    """Seconds since 1970 of an instant as the server writes it."""
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


class Measured:
    """What happened to each order, in seconds since 1970."""

    def __init__(self):
        self.recorded, self.called, self.answered = {}, {}, {}
        self.heard = {}
        self.calls = 0


class Plugin(asyncio.Protocol):
    """Passes at once. As light as it can be: the machine is the server's."""

    def __init__(self, measured):
        self.measured, self.unread = measured, b""

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        now = time.time()
        self.unread += data
        while True:
            head, separator, rest = self.unread.partition(b"\r\n\r\n")
            if not separator:
                return
            length = next(int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
            if len(rest) < length:
                return
            self.unread = rest[length:]
            self.transport.write(ANSWER)
            answered = time.time()
            event = json.loads(rest[:length])["event"]
            order = event["orderId"]
            self.measured.calls += 1
            self.measured.recorded[order] = instant(event["recordedAt"])
            self.measured.called[order] = now
            self.measured.answered[order] = answered


async def connect(url):
    host, port = url.removeprefix("http://").split(":")
    return await asyncio.open_connection(host, int(port))


def request(document, variables, version="1.1", accept="application/json"):
    body = json.dumps({"query": document, "variables": variables}).encode()
    head = (
        f"POST /graphql HTTP/{version}\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n"
        f"accept: {accept}\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


async def watch(server, measured, begun):
    """Hears of every state that an order takes. HTTP/1.0, whose answers are not cut into chunks."""
    reader, writer = await connect(server.url)
    writer.write(request(WATCH, {}, "1.0", "text/event-stream"))
    await reader.readuntil(b"\r\n\r\n")
    async for line in reader:
        now = time.time()
        # The first line of all says that the subscription has begun.
        begun.set()
        if not line.startswith(b"data: {"):
            continue
        event = json.loads(line[6:])["data"]["orderStatusChanged"]
        if event["toStatus"] == "IN_PROGRESS":
            measured.heard[event["orderId"]] = now
    fail("the subscription ended")


async def create(connection, payload, orders):
    """Creates an order, and notes its id."""
    reader, writer = connection
    writer.write(payload)
    head = await reader.readuntil(b"\r\n\r\n")
    length = next(int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
    answer = json.loads(await reader.readexactly(length))
    if answer.get("errors") or answer["data"]["orderCreate"]["userErrors"]:
        fail(f"an order was not created: {json.dumps(answer)[:2000]}")
    orders.append(answer["data"]["orderCreate"]["order"]["id"])


async def load(server, rate, seconds, connections):
    """Creates orders at a rate, whatever the answers take, and gives their ids in the order of the answers."""
    free = asyncio.Queue()
    for _ in range(connections):
        free.put_nowait(await connect(server.url))
    payload, orders, late = request(CREATE, {"input": ORDER}), [], 0.0

    async def one(connection):
        await create(connection, payload, orders)
        free.put_nowait(connection)

    begun, used = time.perf_counter(), time.process_time()
    tasks = []
    for number in range(int(rate * seconds)):
        await asyncio.sleep(max(0.0, begun + number / rate - time.perf_counter()))
        connection = await free.get()
        late = max(late, time.perf_counter() - begun - number / rate)
        tasks.append(asyncio.create_task(one(connection)))
    await asyncio.gather(*tasks)
    return orders, late, (time.process_time() - used) / (time.perf_counter() - begun)


async def measure(server, measured, arguments):
    begun = asyncio.Event()
    watching = asyncio.create_task(watch(server, measured, begun))
    await asyncio.wait_for(begun.wait(), 30)
    await load(server, arguments.rate, arguments.warm_up, arguments.connections)
    orders, late, share = await load(server, arguments.rate, arguments.seconds, arguments.connections)
    deadline = time.perf_counter() + 30
    while any(order not in measured.heard for order in orders):
        if watching.done() or time.perf_counter() > deadline:
            fail(f"{sum(order not in measured.heard for order in orders)} orders did not go on within 30 seconds")
        await asyncio.sleep(0.05)
    watching.cancel()
    return orders, late, share


async def configure(server, measured):
    listening = await asyncio.get_running_loop().create_server(lambda: Plugin(measured), "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    document = "mutation($input: PluginCreateInput!) { pluginCreate(input: $input) { plugin { id } userErrors { message } } }"
    plugin = server.ask(document, {"input": {"name": "prompt", "http": {"url": f"http://127.0.0.1:{port}/"}}})["pluginCreate"]
    if plugin["userErrors"]:
        fail(f"the plugin was refused: {plugin['userErrors']}")
    step = {"name": "check", "pluginId": plugin["plugin"]["id"]}
    workflow = {"name": "intake", "trigger": "ORDER_INITIATED", "start": "check", "steps": [step]}
    document = "mutation($input: PluginWorkflowCreateInput!) { pluginWorkflowCreate(input: $input) { userErrors { message } } }"
    server.ask(document, {"input": workflow})


def quantile(values, part):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))]


def psql(database, query):
    """The rows of a query, each a line with spaces between its columns."""
    command = ["psql", "-X", "-q", "-At", "-F", " ", "-v", "ON_ERROR_STOP=1", database, "-c", query]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()


def committed(database):
    """Seconds since 1970 at which PostgreSQL committed orders, and at which it committed that they go on; by order."""
    query = """SELECT order_id, to_status, extract(epoch FROM pg_xact_commit_timestamp(xmin)) FROM event
        WHERE type IN ('ORDER_CREATED', 'ORDER_STATUS_CHANGED') AND to_status IN ('INITIATED', 'IN_PROGRESS')"""
    times = {"INITIATED": {}, "IN_PROGRESS": {}}
    for line in psql(database, query):
        order, status, seconds = line.split()
        times[status][order.replace("-", "")] = float(seconds)
    return times["INITIATED"], times["IN_PROGRESS"]


def stored(order):
    """An order's id as the store has it, in hexadecimal digits."""
    number = 0
    for digit in order.removeprefix("ord_"):
        number = 32 * number + "0123456789abcdefghjkmnpqrstvwxyz".index(digit)
    return f"{number:032x}"


def row(name, values, limits):
    cells = [f"{quantile(values, part):.2f}" for part in LIMITS]
    if not limits:
        return f"| {name} | {' | '.join(cells)} | |"
    met = all(quantile(values, part) <= limit for part, limit in LIMITS.items())
    return f"| {name} | {' | '.join(cells)} | {'meets' if met else 'MISSES'} {' and '.join(map(str, LIMITS.values()))} |"


async def run(server, database, arguments):
    measured = Measured()
    await configure(server, measured)
    orders, late, share = await measure(server, measured, arguments)
    # A moment for calls that should not come.
    await asyncio.sleep(0.2)
    total = int(arguments.rate * arguments.warm_up) + len(orders)
    if measured.calls != total or len(set(orders)) != len(orders):
        fail(f"{total} orders were created, and their plugin was called {measured.calls} times")
    to_call = [1000 * (measured.called[order] - measured.recorded[order]) for order in orders]
    to_heard = [1000 * (measured.heard[order] - measured.answered[order]) for order in orders]
    print(f"{len(orders)} orders at {arguments.rate:g} a second; the latest was sent {1000 * late:.1f} ms late; load and plugin took {100 * share:.0f} % of a core\n")
    print("| milliseconds | p50 | p99 | limits |\n| --- | --- | --- | --- |")
    if database:
        created, moved = committed(database)
        to_wire = [1000 * (measured.called[order] - created[stored(order)]) for order in orders]
        to_commit = [1000 * (moved[stored(order)] - measured.answered[order]) for order in orders]
        print(row("from the order's commit to the plugin's request", to_wire, True))
        print(row("from the plugin's answer to the commit of its order's new state", to_commit, True))
        print(row("both", [sum(pair) for pair in zip(to_wire, to_commit)], True))
    print(row("from the order's transaction to the plugin's request", to_call, False))
    print(row("from the plugin's answer to its order's new state heard", to_heard, False))
    print(row("both", [sum(pair) for pair in zip(to_call, to_heard)], False))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=float, default=200, help="orders a second")
    parser.add_argument("--seconds", type=float, default=30, help="that count")
    parser.add_argument("--warm-up", type=float, default=3, help="seconds before that")
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--binary", help="a release server that is built already")
    arguments = parser.parse_args()
    binary = arguments.binary or build()
    os.environ["WAYBILL_PLUGIN_ALLOW_NET"] = "127.0.0.0/8"
    database = os.environ.get("TEST_DATABASE_URL")
    if database and psql(database, "SHOW track_commit_timestamp") != ["on"]:
        fail("PostgreSQL does not say when it commits: start it with POSTGRES_OPTIONS='-c track_commit_timestamp=on'")
    for line in describe_machine():
        print(line)
    print(f"store: {'PostgreSQL' if database else 'SQLite'}; ", end="")
    with tempfile.TemporaryDirectory() as folder, Server(binary, database or f"sqlite://{folder}/bench.db", folder) as server:
        log("creating orders")
        asyncio.run(run(server, database, arguments))
    sys.stdout.flush()


if __name__ == "__main__":
    main()
