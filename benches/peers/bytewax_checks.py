"""The checks of kafka.yaml in Bytewax: `bytewax_checks.py BROKER TOPIC COUNT`. Good events are counted, and go nowhere."""

import json
import re
import sys
import time

import bytewax.operators as op
from bytewax.connectors.kafka import KafkaSource
from bytewax.dataflow import Dataflow
from bytewax.outputs import DynamicSink, StatelessSinkPartition
from bytewax.testing import run_main

BROKER, TOPIC, COUNT = sys.argv[1], sys.argv[2], int(sys.argv[3])
ACTIONS = {"play", "pause", "rewind", "skip"}
USER = re.compile(r"user-[0-9]{5}")


def judged(message):
    event = json.loads(message.value)
    is_good = (event.get("event_id") is not None and event.get("user") is not None and event.get("title") is not None
               and event["action"] in ACTIONS and 0 <= event["position_s"] <= 86_400 and event["duration_s"] > 0
               and USER.fullmatch(event["user"]) is not None)
    return event if is_good else None


class Count(StatelessSinkPartition):
    def __init__(self):
        self.count, self.began = 0, time.time()

    def write_batch(self, items):
        self.count += len(items)
        if self.count >= COUNT:
            seconds = time.time() - self.began
            print(json.dumps({"judged": self.count, "seconds": seconds, "per_second": self.count / seconds}), flush=True)


class Sink(DynamicSink):
    def build(self, step_id, worker_index, worker_count):
        return Count()


flow = Dataflow("checks")
events = op.input("events", flow, KafkaSource([BROKER], [TOPIC], tail=False, batch_size=10_000))
good = op.filter_map("judged", events, judged)
op.output("good", good, Sink())
run_main(flow)
