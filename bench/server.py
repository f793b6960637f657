"""The release server: built, started, asked, measured and stopped."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


def log(message):
    print(f"bench: {message}", file=sys.stderr, flush=True)


def fail(message):
    log(message)
    sys.exit(1)


def build():
    """Builds the release binary and gives its path."""
    log("building the release server")
    subprocess.run(["cargo", "build", "--release", "--locked", "--bin", "waybill"], cwd=ROOT, check=True)
    target = os.environ.get("CARGO_TARGET_DIR", ROOT / "target")
    return Path(target) / "release" / "waybill"


def describe_machine():
    """One line on the machine and one on the code."""
    model = "unknown processor"
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.split(":", 1)[1].strip()
            break
    git = ["git", "-C", str(ROOT)]
    commit = subprocess.run([*git, "rev-parse", "--short", "HEAD"], capture_output=True, text=True).stdout.strip()
    changes = subprocess.run([*git, "status", "--porcelain"], capture_output=True, text=True).stdout.strip()
    yield f"commit {commit or 'unknown'}{' with uncommitted changes' if changes else ''}"
    yield f"{os.cpu_count()} x {model}, {os.uname().sysname} {os.uname().release}"


def process_fields(pid):
    """The fields of /proc/PID/stat from the third on: the name before them may hold anything."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def cpu_seconds(pid, with_children=False):
    """CPU time that a process has used; with children, also that of its live children and of those that ended."""
    fields = process_fields(pid)
    ticks = sum(int(field) for field in fields[11 : 15 if with_children else 13])
    if with_children:
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    child = process_fields(entry.name)
                except OSError:
                    continue
                if child[1] == str(pid):
                    ticks += int(child[11]) + int(child[12])
    return ticks / TICKS_PER_SECOND


def resident_mib(pid, field="VmRSS"):
    """Resident memory of a process; the field VmHWM gives its maximum."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1]) / 1024
    return 0.0


class Server:
    """A running server. Use it in a `with`."""

    def __init__(self, binary, database_url, folder, token=None):
        self.headers = {"content-type": "application/json"}
        if token:
            self.headers["authorization"] = f"Bearer {token}"
        with socket.create_server(("127.0.0.1", 0)) as probe:
            port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        self.log = Path(folder) / "server.log"
        started = time.perf_counter()
        with open(self.log, "ab") as output:
            self.process = subprocess.Popen(
                [binary, "serve", "--listen", f"127.0.0.1:{port}", "--database-url", database_url],
                env={**os.environ, "RUST_LOG": "warn", "WAYBILL_LOG": "warn"},
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
        self.pid = self.process.pid
        try:
            self.wait_until_ready(started + 60)
            self.ask("{ __typename }")
        except BaseException:
            self.process.kill()
            raise
        self.first_answer_seconds = time.perf_counter() - started

    def wait_until_ready(self, deadline):
        while time.perf_counter() < deadline:
            if self.process.poll() is not None:
                break
            try:
                with urllib.request.urlopen(self.url + "/readyz", timeout=5) as answer:
                    if answer.status == 200:
                        return
            except OSError:
                pass
            time.sleep(0.002)
        fail(f"the server did not become ready:\n{self.log.read_text()[-2000:]}")

    def ask(self, query, variables=None):
        """Data of the answer to one operation; ends the program on an error."""
        body = json.dumps({"query": query, "variables": variables or {}}).encode()
        request = urllib.request.Request(self.url + "/graphql", data=body, headers=self.headers)
        try:
            with urllib.request.urlopen(request, timeout=30) as response:
                answer = json.load(response)
        except urllib.error.HTTPError as error:
            fail(f"HTTP {error.code} from the server: {error.read().decode(errors='replace')[:2000]}")
        if answer.get("errors"):
            fail(f"the server answered with errors: {json.dumps(answer['errors'])[:2000]}")
        return answer["data"]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            log("the server did not stop on SIGTERM within 30 s")
            self.process.kill()
            self.process.wait()
