#!/usr/bin/env python3
"""Measures `waybill import` of generated orders of two work orders into a fresh SQLite file; see README.md."""

import argparse
import os
import sqlite3
import subprocess
import tempfile
import time
from pathlib import Path

import workloads
from server import Server, build, describe_machine, fail, log, resident_mib


def write_orders(path, orders):
    """The same orders every time."""
    template = workloads.compact(workloads.order_input(2))
    with open(path, "w") as file:
        for n in range(1, orders + 1):
            file.write(template.replace("@", f"IMP-{n:08}") + "\n")


def run_import(binary, file, database, folder):
    """Seconds, most memory, and memory at each tenth of the run."""
    started = time.perf_counter()
    with open(folder / "import.log", "ab") as output:
        process = subprocess.Popen(
            [binary, "import", file],
            env={**os.environ, "WAYBILL_DATABASE_URL": f"sqlite://{database}", "RUST_LOG": "warn"},
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    samples = []
    while True:
        pid, status, usage = os.wait4(process.pid, os.WNOHANG)
        if pid:
            break
        samples.append(resident_mib(process.pid))
        time.sleep(0.05)
    seconds = time.perf_counter() - started
    if status:
        fail(f"the import failed with status {status}:\n{(folder / 'import.log').read_text()[-2000:]}")
    tenths = [samples[len(samples) * tenth // 10] for tenth in range(10)] if len(samples) >= 10 else samples
    return seconds, usage.ru_maxrss / 1024, tenths


def count_rows(database):
    with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as connection:
        return [
            connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
            for table in ("platform_order", "work_order")
        ]


def main():
    parser = argparse.ArgumentParser(prog="bench/import.py", description=__doc__)
    parser.add_argument("--orders", type=int, default=100_000, help="orders to import (default: %(default)s)")
    parser.add_argument("--binary", type=Path, help="measure this binary instead of building one")
    options = parser.parse_args()
    binary = (options.binary or build()).resolve()
    with tempfile.TemporaryDirectory(prefix="waybill-import-") as name:
        folder = Path(name)
        database, file = folder / "import.db", folder / "orders.ndjson"
        with Server(binary, f"sqlite://{database}", folder) as server:
            first_start = server.first_answer_seconds
            time.sleep(1)
            idle = resident_mib(server.pid)
            workloads.define_attributes(server)
        write_orders(file, options.orders)
        log(f"importing {options.orders} orders of two work orders, {file.stat().st_size / 1e6:.0f} MB")
        seconds, most, tenths = run_import(binary, file, database, folder)
        if count_rows(database) != [options.orders, 2 * options.orders]:
            fail(f"expected {options.orders} orders of two work orders, found {count_rows(database)}")
        log("importing the same file again")
        again, _, _ = run_import(binary, file, database, folder)
        if count_rows(database) != [options.orders, 2 * options.orders]:
            fail(f"the second import of the same file changed the number of rows: {count_rows(database)}")
    print()
    for line in describe_machine():
        print(f"- {line}")
    print(f"- SQLite, start to first answer with a new file: {first_start:.3f} s; {idle:.1f} MiB idle")
    print(f"- import: {seconds:.1f} s, {options.orders / seconds:.0f} orders/s; at most {most:.1f} MiB resident")
    print(f"- memory over the run, in tenths: {' '.join(f'{sample:.0f}' for sample in tenths)} MiB")
    print(f"- the same file again: {again:.1f} s, nothing created twice")


if __name__ == "__main__":
    main()
