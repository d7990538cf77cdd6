"""A Kafka broker for benchmarks and tests: whole batches in and out, nothing in its way that would be measured too.

`kafka_broker.py PORT PARTITIONS [DIRECTORY]`: every topic is there, with so many partitions. It keeps all it gets, in memory,
and in the directory if one is named: killed and started again, it has all that it acknowledged. It knows no transactions and no
groups.
"""

import bisect
import os
import socket
import struct
import sys
import threading
import time

HOST = "127.0.0.1"
PRODUCE, FETCH, LIST_OFFSETS, METADATA, API_VERSIONS, INIT_PRODUCER = 0, 1, 2, 3, 18, 22
VERSIONS = {PRODUCE: (3, 7), FETCH: (4, 10), LIST_OFFSETS: (1, 2), METADATA: (0, 4), API_VERSIONS: (0, 2), INIT_PRODUCER: (0, 1)}


class Log:
    """A partition: batches with the offsets after their last records."""

    def __init__(self, path=None):
        self.ends, self.batches, self.came, self.file = [], [], threading.Condition(), None
        # What was sent last by each producer: a batch that comes again is not kept again.
        self.sent = {}
        if path:
            with open(path, "ab+") as file:
                file.seek(0)
                whole = self.keep(file.read())
                # What a kill cut off was not acknowledged.
                file.truncate(whole)
            self.file = open(path, "ab", buffering=0)

    def end(self):
        return self.ends[-1] if self.ends else 0

    def keep(self, records):
        """Keeps the whole batches, and gives how many bytes they are."""
        at = 0
        while at + 12 <= len(records):
            length = 12 + struct.unpack_from(">i", records, at + 8)[0]
            if at + length > len(records):
                break
            last = struct.unpack_from(">i", records, at + 23)[0]
            # The first offset is not part of what the checksum is of.
            self.batches.append(struct.pack(">q", self.end()) + records[at + 8:at + length])
            self.sent[records[at + 43:at + 53]] = records[at + 53:at + 57]
            self.ends.append(self.end() + last + 1)
            at += length
        return at

    def append(self, records):
        """The error, and the first offset."""
        with self.came:
            producer, sequence = records[43:53], records[53:57]
            if producer[:8] != b"\xff" * 8 and self.sent.get(producer) == sequence:
                return 46, -1
            first = self.end()
            if self.file:
                self.file.write(records)
            self.keep(records)
            self.came.notify_all()
            return 0, first

    def read(self, offset, bytes_max):
        at = bisect.bisect_right(self.ends, offset)
        found, size = [], 0
        while at < len(self.ends) and (not found or size + len(self.batches[at]) <= bytes_max):
            found.append(self.batches[at])
            size += len(self.batches[at])
            at += 1
        return b"".join(found)


class Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, form):
        value = struct.unpack_from(">" + form, self.data, self.at)[0]
        self.at += struct.calcsize(">" + form)
        return value

    def bytes(self, form):
        length = self.take(form)
        self.at += max(length, 0)
        return self.data[self.at - length:self.at] if length >= 0 else None

    def array(self, each):
        return [each() for _ in range(self.take("i"))]


def text(value):
    return struct.pack(">h", -1) if value is None else struct.pack(">h", len(value)) + value


def array(items):
    return struct.pack(">i", len(items)) + b"".join(items)


class Broker:
    def __init__(self, port, partitions, directory):
        self.port, self.partitions, self.directory, self.topics, self.lock = port, partitions, directory, {}, threading.Lock()

    def log(self, topic, partition):
        with self.lock:
            if topic not in self.topics:
                path = lambda i: self.directory and os.path.join(self.directory, f"{topic.decode()}.{i}")
                self.topics[topic] = [Log(path(i)) for i in range(self.partitions)]
            return self.topics[topic][partition]

    def answer(self, api, version, body):
        match api:
            case 18:
                known = [struct.pack(">hhh", key, *range_) for key, range_ in VERSIONS.items()]
                return struct.pack(">h", 0) + array(known) + (struct.pack(">i", 0) if version >= 1 else b"")
            case 3:
                return self.metadata(version, body)
            case 0:
                return self.produce(version, body)
            case 1:
                return self.fetch(version, body)
            case 2:
                return self.list_offsets(version, body)
            case 22:
                # Nobody else has this number, after a restart neither.
                return struct.pack(">ihqh", 0, 0, time.time_ns() >> 4, 0)

    def metadata(self, version, body):
        count = body.take("i")
        named = [body.bytes("h") for _ in range(count)] if count > 0 else list(self.topics)
        for topic in named:
            self.log(topic, 0)
        broker = struct.pack(">i", 1) + text(HOST.encode()) + struct.pack(">i", self.port) + (text(None) if version >= 1 else b"")
        partitions = [struct.pack(">hii", 0, i, 1) + array([struct.pack(">i", 1)]) * 2 for i in range(self.partitions)]
        topics = [struct.pack(">h", 0) + text(t) + (b"\0" if version >= 1 else b"") + array(partitions) for t in named]
        head = struct.pack(">i", 0) if version >= 3 else b""
        cluster = text(b"bench") if version >= 2 else b""
        return head + array([broker]) + cluster + (struct.pack(">i", 1) if version >= 1 else b"") + array(topics)

    def produce(self, version, body):
        body.bytes("h"), body.take("h"), body.take("i")

        def partition(topic):
            number = body.take("i")
            error, first = self.log(topic, number).append(body.bytes("i"))
            return struct.pack(">ihqq", number, error, first, -1) + (struct.pack(">q", 0) if version >= 5 else b"")

        def topic():
            name = body.bytes("h")
            return text(name) + array(body.array(lambda: partition(name)))

        return array(body.array(topic)) + struct.pack(">i", 0)

    def fetch(self, version, body):
        body.take("i")
        wait, _, whole_max = body.take("i") / 1000, body.take("i"), body.take("i")
        body.take("b")
        if version >= 7:
            body.take("i"), body.take("i")

        def partition():
            number = body.take("i")
            if version >= 9:
                body.take("i")
            offset = body.take("q")
            if version >= 5:
                body.take("q")
            return number, offset, body.take("i")

        asked = body.array(lambda: (body.bytes("h"), body.array(partition)))
        until = time.monotonic() + wait
        logs = [self.log(topic, number) for topic, partitions in asked for number, _, _ in partitions]
        offsets = [offset for _, partitions in asked for _, offset, _ in partitions]
        while all(log.end() <= offset for log, offset in zip(logs, offsets)) and (left := until - time.monotonic()) > 0:
            with logs[0].came:
                # One of several partitions wakes nobody here, so the wait is short.
                logs[0].came.wait(left if len(logs) == 1 else min(left, 0.002))
        topics = []
        for topic, partitions in asked:
            answers = []
            for number, offset, bytes_max in partitions:
                log = self.log(topic, number)
                records = log.read(offset, min(bytes_max, whole_max))
                whole_max = max(whole_max - len(records), 0)
                error = 0 if 0 <= offset <= log.end() else 1
                start = struct.pack(">q", 0) if version >= 5 else b""
                answers.append(struct.pack(">ihqq", number, error, log.end(), log.end()) + start + array([])
                               + struct.pack(">i", len(records)) + records)
            topics.append(text(topic) + array(answers))
        return struct.pack(">i", 0) + (struct.pack(">hi", 0, 0) if version >= 7 else b"") + array(topics)

    def list_offsets(self, version, body):
        body.take("i")
        if version >= 2:
            body.take("b")

        def partition(topic):
            number, at = body.take("i"), body.take("q")
            return struct.pack(">ihqq", number, 0, -1, 0 if at == -2 else self.log(topic, number).end())

        def topic():
            name = body.bytes("h")
            return text(name) + array(body.array(lambda: partition(name)))

        return (struct.pack(">i", 0) if version >= 2 else b"") + array(body.array(topic))


def received(client, length):
    data = bytearray(length)
    view, at = memoryview(data), 0
    while at < length:
        count = client.recv_into(view[at:])
        if not count:
            raise EOFError
        at += count
    return bytes(data)


def attend(broker, client):
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    try:
        while True:
            frame = received(client, struct.unpack(">i", received(client, 4))[0])
            api, version, number = struct.unpack_from(">hhi", frame)
            body = Reader(frame)
            body.at = 8
            body.bytes("h")
            if api == API_VERSIONS and version > 2:
                # A version that is too new is answered in the oldest one.
                answer = struct.pack(">h", 35) + array([struct.pack(">hhh", key, *range_) for key, range_ in VERSIONS.items()])
            else:
                answer = broker.answer(api, version, body)
            client.sendall(struct.pack(">ii", len(answer) + 4, number) + answer)
    except (EOFError, OSError):
        client.close()


def main():
    port, partitions = int(sys.argv[1]), int(sys.argv[2])
    listener = socket.create_server((HOST, port))
    broker = Broker(listener.getsockname()[1], partitions, sys.argv[3] if len(sys.argv) > 3 else None)
    print(broker.port, flush=True)
    while True:
        client, _ = listener.accept()
        threading.Thread(target=attend, args=(broker, client), daemon=True).start()


main()
