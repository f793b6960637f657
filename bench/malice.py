#!/usr/bin/env python3
"""Attacks a server as one tenant, and measures what another tenant notices; see README.md."""

import argparse
import http.client
import json
import multiprocessing
import os
import statistics
import subprocess
import tempfile
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

from server import Server, build, describe_machine, fail, log, resident_mib

LIMIT = 1.5  # times the modest tenant's p99 alone
MOST_MIB = 256  # more than before the attack
SCOPES = "orders:read,orders:write,config:read,config:write,pii:read"
ADDRESS = {"line1": "1 Main Street", "city": "Bonn", "country": "DE"}
READ = "{ orders(first: 20) { nodes { id status workOrders { id status type } } } }"
CREATE = "mutation($input: OrderCreateInput!) { orderCreate(input: $input) { order { id } userErrors { message } } }"


class Client:
    """One connection of a caller; it asks again on a new one where the server closed it."""

    def __init__(self, server, token):
        self.address = urlsplit(server.url).netloc
        self.headers = {"content-type": "application/json", "authorization": f"Bearer {token}"}
        self.connection = None

    def ask(self, query, variables=None):
        """The answer to an operation, whatever it is."""
        body = json.dumps({"query": query, "variables": variables or {}})
        for attempt in (1, 2):
            try:
                self.connection = self.connection or http.client.HTTPConnection(self.address, timeout=60)
                self.connection.request("POST", "/graphql", body, self.headers)
                return json.loads(self.connection.getresponse().read())
            except (http.client.HTTPException, OSError):
                self.connection = None
                if attempt == 2:
                    raise

    def data(self, query, variables=None):
        answer = self.ask(query, variables)
        if answer.get("errors"):
            fail(f"errors: {json.dumps(answer['errors'])[:1000]}")
        for payload in answer["data"].values():
            if isinstance(payload, dict) and payload.get("userErrors"):
                fail(f"refused: {json.dumps(payload['userErrors'])[:1000]}")
        return answer["data"]


def order(work_orders, attributes=None):
    work_order = {"type": "DIGITAL_SERVICE", **({"customAttributes": attributes} if attributes else {})}
    return {
        "clientId": "bench",
        "clientOrderId": "1",
        "consignee": {"name": "Ada"},
        "destination": {"address": ADDRESS},
        "workOrders": [work_order] * work_orders,
    }


class Endpoint(BaseHTTPRequestHandler):
    """An endpoint of a plugin or a webhook: /prompt answers at once and notes when, /slow after 13 seconds."""

    protocol_version = "HTTP/1.1"
    called = {}

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        if self.path == "/slow":
            time.sleep(13)
        else:
            id = body["order"]["id"] if "order" in body else body["subject"]
            Endpoint.called.setdefault(id, time.perf_counter())
        self.send_response(200)
        self.send_header("content-length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_):
        pass


def endpoints():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Endpoint)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_port}"


# What the modest tenant does: each gives the seconds that one of it took.


def reads(client):
    begun = time.perf_counter()
    client.data(READ)
    return time.perf_counter() - begun


def writes(client):
    begun = time.perf_counter()
    client.data(CREATE, {"input": order(1)})
    return time.perf_counter() - begun


def calls(client):
    """From the request to the call of the order's plugin, or of the webhook."""
    begun = time.perf_counter()
    id = client.data(CREATE, {"input": order(1)})["orderCreate"]["order"]["id"]
    while id not in Endpoint.called:
        if time.perf_counter() - begun > 60:
            return 60.0
        time.sleep(0.0005)
    return Endpoint.called[id] - begun


def plugin(client, url, trigger, template=None):
    http = {"url": url, "requestTimeoutMs": 20_000, **({"bodyTemplate": template} if template else {})}
    created = client.data(
        "mutation($i: PluginCreateInput!) { pluginCreate(input: $i) { plugin { id } userErrors { message } } }",
        {"i": {"name": f"p{time.time_ns()}", "http": http}},
    )
    workflow(client, trigger, created["pluginCreate"]["plugin"]["id"])


def workflow(client, trigger, plugin_id, condition=None):
    step = {"name": "check", "pluginId": plugin_id}
    given = {"name": f"w{time.time_ns()}", "trigger": trigger, "start": "check", "steps": [step]}
    client.data(
        "mutation($i: PluginWorkflowCreateInput!) { pluginWorkflowCreate(input: $i) { userErrors { message } } }",
        {"i": given | ({"condition": condition} if condition else {})},
    )


def webhook(client, url):
    client.data(
        "mutation($i: WebhookEndpointCreateInput!) { webhookEndpointCreate(input: $i) { userErrors { message } } }",
        {"i": {"url": url, "eventTypes": ["ORDER_CREATED"]}},
    )


def define(client, key, **more):
    client.data(
        "mutation($i: AttributeDefinitionCreateInput!) { attributeDefinitionCreate(input: $i) { userErrors { message } } }",
        {"i": {"owner": "WORK_ORDER", "key": key, "type": "STRING", **more}},
    )


# Attacks: each prepares as the greedy tenant and gives what its clients then do again and again. What they are answered
# is counted by its code.


def trees(client, _):
    for _ in range(12):
        client.data(CREATE, {"input": order(100)})
    ring = "workOrders { order { workOrders { order { workOrders { id } } } } }"
    return lambda client: client.ask(f"{{ orders(first: 12) {{ nodes {{ {ring} }} }} }}")


def long_answers(client, _):
    define(client, "blob")
    for _ in range(10):
        client.data(CREATE, {"input": order(100, {"blob": "x" * 30_000})})
    return lambda client: client.ask("{ orders(first: 100) { nodes { workOrders { customAttributes } } } }")


def heavy_statements(client, _):
    for number in range(20):
        batch = [order(10) | {"clientOrderId": str(number)} for _ in range(100)]
        document = "mutation($i: OrdersCreateInput!) { ordersCreate(input: $i) { created } }"
        client.data(document, {"i": {"orders": batch}})
    conditions = " ".join(f'{{workOrders: {{some: {{status: {{eq: "x{number}"}}}}}}}}' for number in range(40))
    fields = " ".join(f"a{number}: orders(first: 1, where: {{or: [{conditions}]}}) {{ nodes {{ id }} }}" for number in range(20))
    return lambda client: client.ask(f"{{ {fields} }}")


def large_writes(_, __):
    return lambda client: client.ask(CREATE, {"input": order(100)})


def conditions(client, url):
    created = client.data(
        'mutation { pluginCreate(input: {name: "loops", expression: "true"}) { plugin { id } userErrors { message } } }'
    )
    loops = "order.workOrders.all(a, order.workOrders.all(b, order.workOrders.all(c, a.id != \"x\")))"
    for _ in range(5):
        workflow(client, "WORK_ORDER_CREATED", created["pluginCreate"]["plugin"]["id"], loops)
    return lambda client: client.ask(CREATE, {"input": order(100)})


def templates(client, url):
    define(client, "blob")
    template = {f"t{number}": {"$expr": "$..*..[?@==11]"} for number in range(60)}
    plugin(client, url + "/prompt", "ORDER_INITIATED", template)
    return lambda client: client.ask(CREATE, {"input": order(100, {"blob": "x" * 30_000})})


def patterns(client, _):
    for number in range(200):
        answer = client.ask(
            "mutation($i: AttributeDefinitionCreateInput!) { attributeDefinitionCreate(input: $i) { userErrors { code } } }",
            {"i": {"owner": "WORK_ORDER", "key": f"p{number}", "type": "STRING", "regex": r"\pL{24}"}},
        )
        if answer["data"]["attributeDefinitionCreate"]["userErrors"]:
            break
    return lambda client: client.ask(CREATE, {"input": order(1, {"p0": "a" * 24})})


def slow_calls(client, url):
    plugin(client, url + "/slow", "ORDER_INITIATED")
    for _ in range(400):
        client.data(CREATE, {"input": order(1)})
    return None


def slow_deliveries(client, url):
    for _ in range(50):
        webhook(client, url + "/slow")
    for _ in range(100):
        client.data(CREATE, {"input": order(1)})
    return None


def prompt_plugin(client, url):
    plugin(client, url + "/prompt", "ORDER_INITIATED")


def prompt_webhook(client, url):
    webhook(client, url + "/prompt")


ATTACKS = {
    "trees": (trees, reads, None),
    "long-answers": (long_answers, reads, None),
    "heavy-statements": (heavy_statements, reads, None),
    "large-writes": (large_writes, writes, None),
    "conditions": (conditions, writes, None),
    "templates": (templates, reads, None),
    "patterns": (patterns, writes, None),
    "slow-calls": (slow_calls, calls, prompt_plugin),
    "slow-deliveries": (slow_deliveries, calls, prompt_webhook),
}


def measure(client, act, seconds):
    """Milliseconds of what the modest tenant does, fifty times a second."""
    took, begun = [], time.perf_counter()
    while time.perf_counter() - begun < seconds:
        took.append(1000 * act(client))
        time.sleep(max(0.0, 0.02 - took[-1] / 1000))
    return took


def attack(server, token, act, stop, outcomes):
    """One client of the greedy tenant, in a process of its own: threads of Python would keep the modest one waiting."""
    client, told = Client(server, token), Counter()
    while not stop.is_set():
        errors = act(client).get("errors")
        told[errors[0]["extensions"]["code"] if errors else "answered"] += 1
    outcomes.put(told)


def p99(values):
    return statistics.quantiles(values, n=100)[98]


def run(binary, name, options, url):
    """One attack on a server of its own: the row of the table, and whether the modest tenant noticed."""
    prepare, act, modestly = ATTACKS[name]
    with tempfile.TemporaryDirectory(prefix="waybill-malice-") as folder:
        Path(folder, "secret").write_text("a secret of tokens for benchmarks only, 32 bytes or more\n")
        Path(folder, "key").write_text("MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=\n")
        os.environ["WAYBILL_JWT_SECRET_FILE"] = f"{folder}/secret"
        os.environ["WAYBILL_DATA_KEY_FILE"] = f"{folder}/key"
        os.environ["WAYBILL_PLUGIN_ALLOW_NET"] = "127.0.0.0/8"

        def token(tenant):
            command = [binary, "token", "--tenant", tenant, "--subject", tenant, "--scopes", SCOPES]
            return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

        # Each attack has tenants of its own, as the store may be one for all.
        greedy, modest = token(f"greedy-{name}"), token(f"modest-{name}")
        database = os.environ.get("TEST_DATABASE_URL") or f"sqlite://{folder}/malice.db"
        with Server(binary, database, folder, modest) as server:
            client = Client(server, modest)
            for _ in range(20):
                client.data(CREATE, {"input": order(3)})
            if modestly:
                modestly(client, url)
            again = prepare(Client(server, greedy), url)
            if again is None:
                # The attack goes on by itself; alone is measured by another modest tenant's turn before.
                time.sleep(1)
            before = resident_mib(server.pid)
            alone = [] if again is None else measure(client, act, options.seconds)
            forked = multiprocessing.get_context("fork")
            stop, outcomes = forked.Event(), forked.Queue()
            attackers = [
                forked.Process(target=attack, args=(server, greedy, again, stop, outcomes))
                for _ in range(0 if again is None else options.connections)
            ]
            for attacker in attackers:
                attacker.start()
            time.sleep(0.5)
            beside = measure(client, act, options.seconds)
            stop.set()
            most = resident_mib(server.pid, "VmHWM")
            told = sum((outcomes.get() for _ in attackers), Counter())
            for attacker in attackers:
                attacker.join()
    told = ", ".join(f"{count} {outcome}" for outcome, count in sorted(told.items())) or "by itself"
    return alone, beside, most - before, told


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--attacks", nargs="+", choices=ATTACKS, default=list(ATTACKS))
    parser.add_argument("--seconds", type=float, default=10, help="of each measurement (default: %(default)s)")
    parser.add_argument("--connections", type=int, default=8, help="of the greedy tenant (default: %(default)s)")
    parser.add_argument("--binary", type=Path, help="a release server that is built already")
    options = parser.parse_args()
    binary = (options.binary or build()).resolve()
    for line in describe_machine():
        print(f"- {line}")
    print(f"- {options.connections} connections of the greedy tenant; {options.seconds:g} s for each figure\n")
    print("| attack | modest p50, p99 alone, ms | beside | p99 ratio | memory, MiB | the greedy tenant is told |")
    print("| --- | ---: | ---: | ---: | ---: | --- |")
    missed = []
    url = endpoints()
    for name in options.attacks:
        log(name)
        alone, beside, memory, told = run(binary, name, options, url)
        if not alone:
            ATTACKS["alone"] = (lambda *_: None, *ATTACKS[name][1:])
            _, alone, _, _ = run(binary, "alone", options, url)
        ratio = p99(beside) / p99(alone)
        print(
            f"| {name} | {statistics.median(alone):.1f}, {p99(alone):.1f} | {statistics.median(beside):.1f}, {p99(beside):.1f} "
            f"| {ratio:.2f} | {memory:+.0f} | {told} |",
            flush=True,
        )
        if ratio > LIMIT or memory > MOST_MIB:
            missed.append(name)
    print(f"\nAt most {LIMIT} times the p99, and {MOST_MIB} MiB: {'MISSED by ' + ', '.join(missed) if missed else 'met'}")


if __name__ == "__main__":
    main()
