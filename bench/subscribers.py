#!/usr/bin/env python3
"""Measures how soon subscribers and webhook endpoints hear of events, and at what cost; see README.md."""

import argparse
import json
import os
import subprocess
import tempfile
from contextlib import ExitStack
from pathlib import Path

from server import ROOT, Server, build, describe_machine, fail

LIMITS = {
    "fanout": [("p99_ms", 500), ("memory_kib", 30)],
    "steady": [("p50_ms", 5), ("p99_ms", 50)],
    "across": [("p99_ms", 250)],
    "reconnect": [],
    "webhooks": [("stalled_mean_ms", 1.05)],
}


def build_client():
    """Builds the client and gives its path."""
    subprocess.run(["cargo", "build", "--release", "--locked", "--example", "subscribers"], cwd=ROOT, check=True)
    return Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "release" / "examples" / "subscribers"


def run(client, mode, servers, **options):
    """One run of the client; the last server is the one that is listened to, the first one is written to."""
    command = [client, "steady" if mode == "across" else mode]
    options |= {"write": servers[0].url, "listen": servers[-1].url}
    for name, value in options.items():
        command += [f"--{name}", str(value).removeprefix("http://")]
    command += ["--pid", str(servers[-1].pid)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    if done.returncode:
        fail(f"{mode} failed:\n{done.stdout}{done.stderr}\n{servers[-1].log.read_text()[-2000:]}")
    result = json.loads(done.stdout)
    cells = ", ".join(f"{name} {value:.1f}" if isinstance(value, float) else f"{name} {value}" for name, value in result.items())
    limits = [(name, limit * (result["alone_mean_ms"] if mode == "webhooks" else 1)) for name, limit in LIMITS[mode]]
    verdicts = ", ".join(f"{name} {'meets' if result[name] <= limit else 'MISSES'} {limit:.4g}" for name, limit in limits)
    print(f"| {mode} | {cells} | {verdicts or 'every event once and in order'} |", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--subscribers", type=int, default=10_000, help="of the fan-out; twice as many connections")
    parser.add_argument("--only", choices=LIMITS, action="append", help="only this one; repeatable")
    parser.add_argument("--binary", help="a release server that is built already")
    parser.add_argument("--client", help="a client (the example `subscribers`) that is built already")
    arguments = parser.parse_args()
    binary = arguments.binary or build()
    client = arguments.client or build_client()
    # The endpoints of the webhooks are on this machine.
    os.environ["WAYBILL_PLUGIN_ALLOW_NET"] = "127.0.0.0/8"
    database = os.environ.get("TEST_DATABASE_URL")
    for line in describe_machine():
        print(line)
    print(f"store: {'PostgreSQL' if database else 'SQLite'}\n\n| workload | result | limit |\n| --- | --- | --- |")
    for mode in arguments.only or LIMITS:
        if mode == "across" and not database:
            continue
        with ExitStack() as stack:
            folder = stack.enter_context(tempfile.TemporaryDirectory())
            url = database or f"sqlite://{folder}/bench.db"
            servers = [stack.enter_context(Server(binary, url, folder)) for _ in range(2 if mode == "across" else 1)]
            if mode == "fanout":
                run(client, mode, servers, subscribers=arguments.subscribers, rounds=20)
            elif mode == "reconnect":
                run(client, mode, servers, subscribers=arguments.subscribers // 2, rate=100, seconds=15)
            elif mode == "webhooks":
                run(client, mode, servers, rate=100, seconds=5, rounds=3)
            else:
                run(client, mode, servers, subscribers=100, rate=500, seconds=10)


if __name__ == "__main__":
    main()
