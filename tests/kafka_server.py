"""Kafka brokers for tests: librdkafka's own mock cluster, in this process, and a door before it that speaks TLS and SASL.

Prints its address, then obeys one command a line, JSON on standard input, and answers each with a line of JSON. It ends when
its standard input does. The brokers keep the last 5 MB of each partition, which is all the retention they have.
"""

import base64
import ctypes
import glob
import json
import os
import sys

import confluent_kafka
from confluent_kafka import Consumer, Producer, TopicPartition

import kafka_door

LIBRARY = glob.glob(os.path.join(os.path.dirname(confluent_kafka.__file__), "..", "confluent_kafka.libs", "librdkafka-*"))


class Cluster:
    def __init__(self, brokers: int):
        self.lib = ctypes.CDLL(LIBRARY[0])
        for name, result in [("rd_kafka_new", ctypes.c_void_p), ("rd_kafka_mock_cluster_new", ctypes.c_void_p),
                             ("rd_kafka_conf_new", ctypes.c_void_p), ("rd_kafka_mock_cluster_bootstraps", ctypes.c_char_p)]:
            getattr(self.lib, name).restype = result
        self.said = ctypes.create_string_buffer(512)
        handle = self.lib.rd_kafka_new(0, ctypes.c_void_p(self.lib.rd_kafka_conf_new()), self.said, 512)
        self.cluster = ctypes.c_void_p(self.lib.rd_kafka_mock_cluster_new(ctypes.c_void_p(handle), brokers))
        self.address = self.lib.rd_kafka_mock_cluster_bootstraps(self.cluster).decode()
        self.producers = {}

    def call(self, name: str, *arguments):
        arguments = [a.encode() if isinstance(a, str) else a for a in arguments]
        error = getattr(self.lib, "rd_kafka_mock_" + name)(self.cluster, *arguments)
        assert error == 0, f"{name}: error {error}"

    def producer(self, settings: dict) -> Producer:
        key = json.dumps(settings, sort_keys=True)
        if key not in self.producers:
            self.producers[key] = Producer({"bootstrap.servers": self.address, "linger.ms": 5, **settings})
        return self.producers[key]


def raw(value):
    """Text as its bytes, `{"base64": …}` as what it says, null as none."""
    if isinstance(value, dict):
        return base64.b64decode(value["base64"])
    return value if value is None else value.encode()


def shown(value):
    return None if value is None else base64.b64encode(value).decode()


def produce(cluster: Cluster, command: dict):
    producer = cluster.producer(command.get("settings", {}))
    failed = []
    for record in command["records"]:
        headers = [(name, raw(value)) for name, value in record.get("headers", [])]
        for _ in range(record.get("times", 1)):
            while True:
                try:
                    producer.produce(command["topic"], partition=command["partition"], key=raw(record.get("key")),
                                     value=raw(record.get("value")), headers=headers, timestamp=record.get("timestamp", 0),
                                     on_delivery=lambda error, _: error and failed.append(str(error)))
                    break
                except BufferError:
                    producer.poll(0.1)
    producer.flush(30)
    assert not failed, failed[0]


def consume(cluster: Cluster, command: dict):
    """All records of a partition, as another client reads them."""
    consumer = Consumer({"bootstrap.servers": cluster.address, "group.id": "other", "enable.auto.commit": False})
    first, end = consumer.get_watermark_offsets(TopicPartition(command["topic"], command["partition"]), timeout=10)
    consumer.assign([TopicPartition(command["topic"], command["partition"], first)])
    records = []
    while len(records) < end - first:
        message = consumer.poll(10)
        assert message is not None and message.error() is None, message and message.error()
        headers = [[name, shown(value)] for name, value in message.headers() or []]
        records.append({"offset": message.offset(), "timestamp": message.timestamp()[1], "key": shown(message.key()),
                        "value": shown(message.value()), "headers": headers})
    consumer.close()
    return records


def committed(cluster: Cluster, command: dict):
    consumer = Consumer({"bootstrap.servers": cluster.address, "group.id": command["group"]})
    offsets = consumer.committed([TopicPartition(command["topic"], command["partition"])], timeout=10)
    consumer.close()
    return offsets[0].offset


def obey(cluster: Cluster, command: dict):
    match command["do"]:
        case "topic":
            return cluster.call("topic_create", command["topic"], command["partitions"], 1)
        case "down":
            return cluster.call("broker_set_down", command["broker"])
        case "up":
            return cluster.call("broker_set_up", command["broker"])
        case "leader":
            return cluster.call("partition_set_leader", command["topic"], command["partition"], command["broker"])
        case "fail":
            errors = command["errors"]
            return cluster.lib.rd_kafka_mock_push_request_errors_array(
                cluster.cluster, ctypes.c_int16(command["request"]), ctypes.c_size_t(len(errors)), (ctypes.c_int * len(errors))(*errors))
        case "produce":
            return produce(cluster, command)
        case "consume":
            return consume(cluster, command)
        case "committed":
            return committed(cluster, command)
        case "door":
            return kafka_door.opened(cluster.address, command)


def main():
    cluster = Cluster(int(sys.argv[1]))
    print(cluster.address, flush=True)
    for line in sys.stdin:
        try:
            answer = {"is": obey(cluster, json.loads(line))}
        except Exception as error:
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), flush=True)
    # Librdkafka's threads would wait for brokers that are down.
    os._exit(0)


main()
