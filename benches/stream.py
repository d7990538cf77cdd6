"""Throughput, latency, CPU and memory of `sluicegate stream`, as a whole process.

    python benches/stream.py [--binary target/release/sluicegate] [--events 2000000] [--rate 250000]

Five rules that judge row by row, over events of 200 bytes, of which 1 % are bad. First as fast as the pipe gives them; then at a
fixed rate, where latency is what counts. Beside it, where they are installed, DuckDB over the same file (all at once, so it has no
latency), jq over the same pipe, and Python's own `json` in a loop, which stands for a consumer written by hand.
"""

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time

RULES = """dataset: viewing
profile: none
schema:
  columns:
    event_id: { type: int64 }
    user: { type: string }
    title: { type: string }
    action: { type: string }
    seconds: { type: int64 }
    price: { type: float64 }
    country: { type: string }
    pad: { type: string }
rules:
  - missing: { column: user }
  - range: { column: seconds, min: 0, max: 7200 }
  - values: { column: action, in: [play, pause, rewind, skip] }
  - pattern: { column: title, regex: '^title-[0-9]+$' }
  - range: { column: price, min: 0 }
"""

JQ = (
    'select(.user != null and .seconds >= 0 and .seconds <= 7200 and (.action | IN("play", "pause", "rewind", "skip"))'
    ' and (.title | test("^title-[0-9]+$")) and .price >= 0)'
)

LOOP = """
import json, re, sys
title = re.compile(r'^title-[0-9]+$')
actions = {'play', 'pause', 'rewind', 'skip'}
write = sys.stdout.write
for line in sys.stdin:
    e = json.loads(line)
    if (e['user'] is not None and 0 <= e['seconds'] <= 7200 and e['action'] in actions and title.match(e['title'])
            and e['price'] >= 0):
        write(line)
"""


def make(path, events):
    random.seed(1)
    with open(path, "w") as out:
        for i in range(events):
            event = {
                "event_id": i,
                "user": f"user-{random.randrange(100000):06d}",
                "title": f"title-{random.randrange(5000):05d}",
                "action": random.choice(["play", "pause", "rewind", "skip"]),
                "seconds": random.randrange(0, 7200) if random.random() > 0.01 else -1,
                "price": round(random.random() * 100, 2),
                "country": random.choice(["DE", "CH", "AT", "FR", "IT"]),
            }
            text = json.dumps(event)
            out.write(text[:-1] + ', "pad": "' + "x" * max(0, 188 - len(text)) + '"}\n')


def measured(name, command, feed, events, place, output=subprocess.DEVNULL):
    """Runs `command`, giving it what `feed` writes; prints wall time, CPU seconds and peak memory of the process."""
    began = time.monotonic()
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=output, stderr=subprocess.PIPE, cwd=place)
    feed(process.stdin)
    process.stdin.close()
    stderr = process.stderr.read().decode()
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.monotonic() - began
    cpu = usage.ru_utime + usage.ru_stime
    rate = events / cpu if cpu else float("inf")
    print(
        f"{name:34} {seconds:7.2f} s  {cpu:7.2f} CPU s  {rate:12,.0f} events/CPU s  {usage.ru_maxrss / 1024:7.1f} MiB"
        f"  exit {os.waitstatus_to_exitcode(status)}"
    )
    return stderr


def at_once(path):
    def feed(pipe):
        with open(path, "rb") as events:
            shutil.copyfileobj(events, pipe, 1 << 16)

    return feed


def at_rate(path, rate):
    """A hundredth of a second's events at a time."""

    def feed(pipe):
        with open(path, "rb") as events:
            began, sent = time.monotonic(), 0
            while True:
                lines = events.readlines(200 * rate // 100)
                if not lines:
                    return
                sent += len(lines)
                pipe.write(b"".join(lines))
                pipe.flush()
                time.sleep(max(0, began + sent / rate - time.monotonic()))

    return feed


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--binary", default="target/release/sluicegate")
    arguments.add_argument("--events", type=int, default=2_000_000)
    arguments.add_argument("--rate", type=int, default=250_000)
    options = arguments.parse_args()
    binary = os.path.abspath(options.binary)
    with tempfile.TemporaryDirectory() as place:
        path = os.path.join(place, "events.ndjson")
        make(path, options.events)
        size = os.path.getsize(path)
        print(f"{options.events:,} events of {size / options.events:.0f} bytes")
        with open(os.path.join(place, "rules.yaml"), "w") as out:
            out.write(RULES)
        stream = [binary, "stream", "-r", "rules.yaml", "--report", "report.json", "-q", "--bad"]
        measured("sluicegate stream, at once", [*stream, "bad1.ndjson"], at_once(path), options.events, place)
        name = f"sluicegate stream, {options.rate:,}/s"
        measured(name, [*stream, "bad2.ndjson"], at_rate(path, options.rate), options.events, place)
        with open(os.path.join(place, "report.json")) as report:
            latency = json.load(report)["stream"]["latency_ms"]
        print("    latency in ms: " + ", ".join(f"{key} {value:.3f}" for key, value in latency.items()))
        measured("a loop in Python", [sys.executable, "-c", LOOP], at_once(path), options.events, place)
        if shutil.which("jq"):
            measured("jq", ["jq", "-c", JQ], at_once(path), options.events, place)
        try:
            import duckdb  # noqa: F401
        except ImportError:
            print("duckdb is not installed")
            return
        query = (
            f"copy (select * from read_ndjson_auto('{path}') where \"user\" is not null and seconds between 0 and 7200 and action in "
            f"('play', 'pause', 'rewind', 'skip') and regexp_matches(title, '^title-[0-9]+$') and price >= 0) to '{place}/out.ndjson'"
        )
        code = f"import duckdb; duckdb.execute('set threads = 1'); duckdb.execute({query!r})"
        measured("DuckDB, the file at once, 1 thread", [sys.executable, "-c", code], lambda _: None, options.events, place)


main()
