"""Micro-batches of a topic beside a plain consumer and Bytewax, all reading one broker on loopback.

    cargo build --release --bin sluicegate --bench kafka
    python3 -m venv venv && venv/bin/pip install bytewax confluent-kafka deltalake pyarrow
    venv/bin/python benches/kafka_compare.py --bench target/release/deps/kafka-… --events 5000000

Every program gets the same events, 200 bytes of JSON with eight fields, in two partitions. Throughput is over a backlog. Latency
is from the time that stands in an event, when it was sent, until the plain consumer has it in hand, or until the transaction is
there that holds it in the gate's table. Memory is resident memory, looked at every second.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))


def resident(pid):
    try:
        with open(f"/proc/{pid}/status") as status:
            return next(int(line.split()[1]) / 1024 for line in status if line.startswith("VmRSS"))
    except (OSError, StopIteration):
        return 0.0


def watched(command, timeout, **more):
    """Seconds, CPU seconds, memory by the second, standard output."""
    began, cpu = time.time(), os.times()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **more)
    memory = []

    def look():
        while process.poll() is None:
            memory.append(round(resident(process.pid)))
            time.sleep(1)

    threading.Thread(target=look, daemon=True).start()
    try:
        out, err = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        process.kill()
        out, err = process.communicate()
    after = os.times()
    seconds = time.time() - began
    spent = after.children_user + after.children_system - cpu.children_user - cpu.children_system
    return {"seconds": seconds, "cpu": spent, "memory_mb": memory, "code": process.returncode, "out": out, "err": err[-500:]}


def growth(memory):
    """By how much memory grew after the first fifth of the run, in percent of what it was then."""
    warm = memory[len(memory) // 5:]
    return round(100 * (max(warm[len(warm) // 2:]) / max(max(warm[:max(len(warm) // 4, 1)]), 1) - 1), 1) if len(warm) > 8 else None


def percentiles(values):
    values = sorted(values)
    at = lambda q: values[min(int(q * len(values)), len(values) - 1)]
    return {"p50": at(0.5), "p99": at(0.99), "p999": at(0.999)} if values else None


def latencies(table):
    """Of every event in a Delta table, how long after it was sent the transaction that holds it was there."""
    import pyarrow.parquet as parquet

    found = []
    log = os.path.join(table, "_delta_log")
    for name in sorted(os.listdir(log)):
        if not name.endswith(".json"):
            continue
        path = os.path.join(log, name)
        there = os.stat(path).st_mtime * 1000
        with open(path) as entry:
            actions = [json.loads(line) for line in entry]
        for action in actions:
            if "add" in action and action["add"].get("dataChange", True):
                rows = parquet.read_table(os.path.join(table, action["add"]["path"]), columns=["kafka_timestamp"])
                found.extend((there - rows["kafka_timestamp"].cast("timestamp[ms]").cast("int64").to_numpy()).tolist())
    return found


class Bench:
    def __init__(self, options):
        self.options = options
        command = [sys.executable, os.path.join(HERE, "kafka_broker.py"), "0", str(options.partitions)]
        self.broker = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self.port = int(self.broker.stdout.readline())

    def url(self, topic):
        return f"kafka://127.0.0.1:{self.port}/{topic}"

    def client(self, what, topic, count, *more, timeout=600):
        ran = watched([self.options.bench, what, self.url(topic), str(count), *more], timeout)
        try:
            return {**ran, **json.loads(ran["out"])}
        except ValueError:
            raise SystemExit(f"{what}: {ran}")

    def gate(self, topic, directory, rows, every, *more, timeout=900):
        rules = os.path.join(HERE, "kafka.yaml")
        table = os.path.join(directory, "table")
        command = [self.options.sluicegate, "gate", self.url(topic), "-r", rules, "--publish", table, "--quarantine",
                   os.path.join(directory, "quarantine"), "--rows", str(rows), "--every", every, *more]
        return table, watched(command, timeout, cwd=directory)

    def backlog(self):
        count = self.options.events
        print("load", self.client("produce", "backlog", count)["per_second"], flush=True)
        figures = {}
        for name, what in (("fetched", "fetch"), ("decoded", "consume")):
            ran = self.client(what, "backlog", count)
            figures[name] = {key: ran[key] for key in ("per_second", "cpu", "memory_mb")}
            print(name, json.dumps(figures[name]), flush=True)
        for rows in self.options.rows:
            with tempfile.TemporaryDirectory(dir=self.options.scratch) as directory:
                _, ran = self.gate("backlog", directory, rows, "5s", "--drain")
                told = {"per_second": count / ran["seconds"], "cpu": ran["cpu"], "code": ran["code"], "memory_mb": ran["memory_mb"],
                        "growth_percent": growth(ran["memory_mb"]), "of_decoded": count / ran["seconds"] / figures["decoded"]["per_second"]}
                figures[f"gate {rows}"] = told
                print("gate", rows, json.dumps(told), ran["err"] if ran["code"] else "", flush=True)
        if self.options.peer:
            part = min(count, self.options.peer_events)
            self.client("produce", "peer", part)
            command = [self.options.peer, os.path.join(HERE, "peers", "bytewax_checks.py"), f"127.0.0.1:{self.port}", "peer", str(part)]
            ran = watched(command, 900)
            figures["bytewax"] = {**json.loads(ran["out"].splitlines()[-1]), "cpu": ran["cpu"], "memory_mb": ran["memory_mb"]}
            print("bytewax", json.dumps(figures["bytewax"]), flush=True)
        return figures

    def live(self, rate):
        """Latencies at a steady rate."""
        count = int(rate * self.options.seconds)
        consumer = subprocess.Popen([self.options.bench, "consume", self.url("live"), str(count)], stdout=subprocess.PIPE, text=True)
        self.client("produce", "live", count, str(rate))
        figures = {"rate": rate, "consumer_ms": json.loads(consumer.communicate(timeout=60)[0])["latency_ms"]}
        with tempfile.TemporaryDirectory(dir=self.options.scratch) as directory:
            sender = threading.Thread(target=self.client, args=("produce", "live-gate", count, str(rate)))
            self.client("produce", "live-gate", 1)
            sender.start()
            batches = str(self.options.seconds * 5)
            _, ran = self.gate("live-gate", directory, 10_000_000, self.options.every, "--batches", batches, timeout=self.options.seconds + 5)
            sender.join()
            figures["gate_ms"] = percentiles(latencies(os.path.join(directory, "table")))
            figures["gate_growth_percent"], figures["gate_memory_mb"] = growth(ran["memory_mb"]), ran["memory_mb"]
        print("live", json.dumps(figures), flush=True)
        return figures


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bench", required=True, help="the binary of benches/kafka.rs")
    parser.add_argument("--sluicegate", default="target/release/sluicegate")
    parser.add_argument("--peer", help="a Python with Bytewax")
    parser.add_argument("--peer-events", type=int, default=500_000)
    parser.add_argument("--events", type=int, default=5_000_000)
    parser.add_argument("--partitions", type=int, default=2)
    parser.add_argument("--rows", type=int, nargs="*", default=[10_000, 100_000])
    parser.add_argument("--rate", type=float, nargs="*", default=[50_000])
    parser.add_argument("--seconds", type=int, default=30, help="how long events come at each rate")
    parser.add_argument("--every", default="1s", help="when micro-batches end at a steady rate")
    parser.add_argument("--scratch")
    options = parser.parse_args()
    options.bench, options.sluicegate = os.path.abspath(options.bench), os.path.abspath(options.sluicegate)
    bench = Bench(options)
    try:
        figures = {"backlog": bench.backlog(), "live": [bench.live(rate) for rate in options.rate]}
    finally:
        bench.broker.kill()
    print(json.dumps(figures))


main()
