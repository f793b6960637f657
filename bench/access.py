#!/usr/bin/env python3
"""Measures what access control costs the nested page; see README.md."""

import argparse
import json
import os
import re
import statistics
import subprocess
import tempfile
from contextlib import ExitStack
from pathlib import Path

import workloads
from run import Postgres, find_program
from server import Server, build, cpu_seconds, describe_machine, fail, log

MOST = 0.05  # of the throughput
# No caller of the benchmark comes near these, so that nothing but the counting is measured.
RATES = {"WAYBILL_LIMIT_RATE": "1000000", "WAYBILL_LIMIT_TENANT_RATE": "1000000"}


def waybill(binary, folder, environment, *arguments):
    """What a command prints."""
    command = [binary, *arguments]
    done = subprocess.run(command, cwd=folder, env={**os.environ, **environment}, capture_output=True, text=True)
    return done.stdout.strip() if done.returncode == 0 else fail(f"{arguments} failed:\n{done.stderr}")


def run(server, folder, connections, seconds, token):
    """Pages a second and the server's CPU milliseconds for one."""
    command = [
        find_program("wrk"), "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "10s",
        "-s", str(Path(__file__).with_name("http.lua")),
        *(["-H", f"Authorization: Bearer {token}"] if token else []),
        server.url + "/graphql", "--", str(folder / "page.json"), '"nodes":[{',
    ]  # fmt: skip
    before = cpu_seconds(server.pid)
    output = subprocess.run(command, capture_output=True, text=True).stdout
    cpu = cpu_seconds(server.pid) - before
    found = re.search(r"^RESULT (.*)$", output, re.MULTILINE)
    result = json.loads(found[1]) if found else fail(f"wrk failed:\n{output}")
    if result["wrong"] or result["broken"] or not result["right"]:
        fail(f"wrong answers or broken connections: {result}")
    return result["right"] / result["seconds"], cpu * 1000 / result["right"]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--orders", type=int, default=20_000, help="orders in the tables (default: %(default)s)")
    parser.add_argument("--seconds", type=int, default=2, help="length of a run (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=9, help="runs of each kind (default: %(default)s)")
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--binary", type=Path, help="measure this binary instead of building one")
    options = parser.parse_args()
    postgres = Postgres(os.environ.get("TEST_DATABASE_URL") or fail("start this by scripts/postgres.sh"))
    binary = (options.binary or build()).resolve()
    postgres.create()
    with tempfile.TemporaryDirectory(prefix="waybill-bench-") as name, ExitStack() as stack:
        folder = Path(name)
        workloads.write_files(folder, options.orders)
        (folder / "secret").write_text("a secret of tokens for benchmarks only, 32 bytes or more\n")
        # The servers share a store, and so the key of its secrets.
        data_key = {"WAYBILL_DATA_KEY_FILE": str(folder / "key"), "WAYBILL_DATABASE_URL": postgres.url}
        (folder / "key").write_text("MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=\n")
        jwt = {"WAYBILL_JWT_SECRET_FILE": str(folder / "secret")}
        scopes = ["--scopes", "orders:read,pii:read"]

        def start(environment, bearer):
            os.environ.update(data_key | environment)
            server = stack.enter_context(Server(binary, postgres.url, folder, bearer))
            for variable in environment:
                del os.environ[variable]
            return server, bearer

        kinds = {"none": start({}, None)}
        postgres.load(options.orders)
        token = waybill(binary, folder, data_key | jwt, "token", "--subject", "bench", *scopes)
        kinds["JWT, rates"] = start(RATES | jwt, token)
        key = waybill(binary, folder, data_key, "api-key", "create", "--name", "bench", *scopes)
        kinds["API key, rates"] = start(RATES | {"WAYBILL_API_KEYS": "on"}, re.search(r"wbk_\S+", key)[0])
        figures = {kind: [] for kind in kinds}
        for number in range(options.rounds + 1):
            for kind, (server, bearer) in kinds.items():
                found = run(server, folder, options.connections, options.seconds if number else 1, bearer)
                # Round 0 warms caches and pools.
                if number:
                    figures[kind].append(found)
    for line in describe_machine():
        print(f"- {line}")
    print(f"- {options.connections} connections; medians of {options.rounds} runs of {options.seconds} s of each kind\n")
    print("| access | pages/s | of none | server CPU ms/page |\n| --- | ---: | ---: | ---: |")
    missed = False
    for kind, rounds in figures.items():
        # Of each round, so that a slow moment of the machine hits both sides.
        share = statistics.median(rate / none for (rate, _), (none, _) in zip(rounds, figures["none"], strict=True))
        rate, cpu = (statistics.median(column) for column in zip(*rounds, strict=True))
        print(f"| {kind} | {rate:.0f} | {share:.3f} | {cpu:.3f} |")
        missed |= share < 1 - MOST
    print(f"\nMost that it may cost: {MOST:.0%} of the throughput{': MISSED' if missed else ''}.")


if __name__ == "__main__":
    main()
