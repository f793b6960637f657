#!/usr/bin/env python3
"""Measures how soon and at what cost subscribers of the release server hear of events; see README.md."""

import argparse
import json
import os
import subprocess
import tempfile
from contextlib import ExitStack
from pathlib import Path

from server import Server, build, describe_machine, fail

HERE = Path(__file__).resolve().parent
LIMITS = {
    "fanout": [("p99_ms", 500), ("memory_kib", 30)],
    "steady": [("p50_ms", 5), ("p99_ms", 50)],
    "across": [("p99_ms", 250)],
    "reconnect": [],
}


def run(mode, servers, **options):
    """One run of subscribers.mjs; the last server is the one that is listened to."""
    options |= {"urls": [server.url for server in servers], "pid": servers[-1].pid}
    script = "steady" if mode == "across" else mode
    command = ["node", HERE / "subscribers.mjs", script, json.dumps(options)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    if done.returncode:
        fail(f"{mode} failed:\n{done.stdout}{done.stderr}")
    result = json.loads(done.stdout)
    cells = ", ".join(f"{name} {value:.1f}" if isinstance(value, float) else f"{name} {value}" for name, value in result.items())
    verdicts = ", ".join(f"{name} {'meets' if result[name] <= limit else 'MISSES'} {limit}" for name, limit in LIMITS[mode])
    print(f"| {mode} | {cells} | {verdicts or 'every event once and in order'} |", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--subscribers", type=int, default=10_000, help="of the fan-out; twice as many connections")
    parser.add_argument("--only", choices=LIMITS, action="append", help="only this one; repeatable")
    parser.add_argument("--binary", help="a release server that is built already")
    arguments = parser.parse_args()
    binary = arguments.binary or build()
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
                run(mode, servers, subscribers=arguments.subscribers, rounds=20)
            elif mode == "reconnect":
                run(mode, servers, subscribers=arguments.subscribers // 2, rate=100)
            else:
                run(mode, servers, subscribers=100, rate=500, seconds=10)


if __name__ == "__main__":
    main()
