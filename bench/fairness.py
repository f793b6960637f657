#!/usr/bin/env python3
"""Measures how much a plugin that never answers delays orders that wait for another one; see README.md."""

import argparse
import json
import os
import statistics
import tempfile
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from server import Server, build, describe_machine, fail

LIMIT = 1.20

ORDER = {
    "clientId": "bench",
    "clientOrderId": "1",
    "consignee": {"name": "Ada"},
    "destination": {"address": {"line1": "1 Main Street", "city": "Bonn", "country": "DE"}},
    "workOrders": [{"type": "DIGITAL_SERVICE"}],
}


class Prompt(BaseHTTPRequestHandler):
    """Passes at once, and notes when."""

    protocol_version = "HTTP/1.1"
    answered = {}

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        Prompt.answered[body["order"]["id"]] = time.perf_counter()
        answer = b'{"verdict": "PASS"}'
        self.send_response(200)
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_):
        pass


class Silent(Prompt):
    """Reads, and never answers."""

    calls = 0

    def do_POST(self):
        Silent.calls += 1
        time.sleep(3600)


def serve(handler):
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_port}/"


def configure(server, name, trigger, handler):
    document = "mutation($input: PluginCreateInput!) { pluginCreate(input: $input) { plugin { id } userErrors { message } } }"
    http = {"url": serve(handler), "requestTimeoutMs": 20_000}
    plugin = server.ask(document, {"input": {"name": name, "http": http}})["pluginCreate"]
    if plugin["userErrors"]:
        fail(f"the plugin was refused: {plugin['userErrors']}")
    step = {"name": "check", "pluginId": plugin["plugin"]["id"]}
    workflow = {"name": name, "trigger": trigger, "start": "check", "steps": [step]}
    document = "mutation($input: PluginWorkflowCreateInput!) { pluginWorkflowCreate(input: $input) { userErrors { message } } }"
    server.ask(document, {"input": workflow})


CREATE = "mutation($input: OrderCreateInput!) { orderCreate(input: $input) { order { id } userErrors { message } } }"


def delays(server, count, rate):
    """Milliseconds from the answer to `orderCreate` to the call of the order's plugin, for orders that come at a rate."""
    created = {}
    begun = time.perf_counter()
    for number in range(count):
        time.sleep(max(0.0, begun + number / rate - time.perf_counter()))
        sent = time.perf_counter()
        created[server.ask(CREATE, {"input": ORDER})["orderCreate"]["order"]["id"]] = sent
    deadline = time.perf_counter() + 30
    while any(order not in Prompt.answered for order in created):
        if time.perf_counter() > deadline:
            fail("orders wait for the prompt plugin for more than 30 seconds")
        time.sleep(0.01)
    return [1000 * (Prompt.answered[order] - sent) for order, sent in created.items()]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--orders", type=int, default=300, help="in each of the measurements")
    parser.add_argument("--silent", type=int, default=1_000, help="runs of the plugin that never answers")
    parser.add_argument("--rate", type=float, default=50, help="orders a second")
    parser.add_argument("--rounds", type=int, default=3, help="of both measurements; the medians count")
    parser.add_argument("--binary", help="a release server that is built already")
    arguments = parser.parse_args()
    binary = arguments.binary or build()
    os.environ["WAYBILL_PLUGIN_ALLOW_NET"] = "127.0.0.0/8"
    database = os.environ.get("TEST_DATABASE_URL")
    for line in describe_machine():
        print(line)
    with tempfile.TemporaryDirectory() as folder, Server(binary, database or f"sqlite://{folder}/bench.db", folder) as server:
        configure(server, "prompt", "ORDER_INITIATED", Prompt)
        configure(server, "silent", "ORDER_UPDATED", Silent)
        delays(server, arguments.orders, arguments.rate)
        alone = [statistics.median(delays(server, arguments.orders, arguments.rate)) for _ in range(arguments.rounds)]
        update = "mutation($input: OrderUpdateInput!) { orderUpdate(input: $input) { userErrors { message } } }"
        orders = list(Prompt.answered)
        for number in range(arguments.silent):
            server.ask(update, {"input": {"id": orders[number % len(orders)], "batchId": str(number)}})
        beside = [statistics.median(delays(server, arguments.orders, arguments.rate)) for _ in range(arguments.rounds)]
        open_runs = server.ask("{ pluginRuns(where: {status: [QUEUED, RUNNING]}) { count { value } } }")
        waiting = open_runs["pluginRuns"]["count"]["value"]
    ratio = statistics.median(beside) / statistics.median(alone)
    print(f"store: {'PostgreSQL' if database else 'SQLite'}; {waiting} runs still wait for the silent plugin, which has {Silent.calls} calls")
    print("\n| from the request to the plugin's call, median of medians | ms |\n| --- | --- |")
    print(f"| alone | {statistics.median(alone):.2f} |\n| beside the silent plugin | {statistics.median(beside):.2f} |")
    print(f"\nratio {ratio:.2f}: {'meets' if ratio <= LIMIT else 'MISSES'} {LIMIT}")


if __name__ == "__main__":
    main()
