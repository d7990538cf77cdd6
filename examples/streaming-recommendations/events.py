"""Viewing events: 6 users of each taste, 40 titles, 3 hours. Printed as lines, or sent to a topic if a URL is given.

    python3 events.py > events.ndjson
    python3 events.py localhost:9092 viewing        # needs confluent-kafka
"""

import json
import random
import sys
from datetime import datetime, timedelta, timezone


def events():
    chance, start = random.Random(7), datetime(2026, 11, 1, 18, tzinfo=timezone.utc)
    titles = {f"t{n:02}": (n % 4, chance.randrange(1200, 7200)) for n in range(40)}
    made = []
    for n in range(6000):
        taste = chance.randrange(4)
        user = f"u{taste}-{chance.randrange(60):02}"
        title = chance.choice(list(titles))
        genre, length = titles[title]
        # Who likes the genre watches to the end, as a rule.
        likes = chance.random() < (0.8 if genre == taste else 0.25)
        watched = length * (chance.uniform(0.8, 1.0) if likes else chance.uniform(0.02, 0.7))
        at = start + timedelta(seconds=n * 1.8)
        event = {"event_id": f"e{n:05}", "user_id": user, "title_id": title, "action": chance.choice(["pause", "play", "rewind", "skip"]),
                 "watched_seconds": round(watched, 1), "title_seconds": length, "at": at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")}
        kind = chance.random()
        if kind < 0.05:  # a remote control that was sat upon
            event.update(action="play", watched_seconds=round(chance.uniform(0, 9.9), 1))
        elif kind < 0.08:
            event["user_id"] = f"test-{chance.randrange(5)}"
        elif kind < 0.09:
            event["watched_seconds"] = -1
        elif kind < 0.095:
            event["watched_seconds"] = length * 50
        elif kind < 0.10:
            event["action"] = "PLAY"
        made.append(json.dumps(event))
        if chance.random() < 0.03:  # sent again
            made.append(made[max(0, len(made) - chance.randrange(1, 200))])
        if n % 1500 == 700:  # cut short on the way
            made.append(made[-1][:40])
    return made


def main():
    if len(sys.argv) < 3:
        print("\n".join(events()))
        return
    from confluent_kafka import Producer

    producer = Producer({"bootstrap.servers": sys.argv[1]})
    for line in events():
        producer.produce(sys.argv[2], line.encode())
        producer.poll(0)
    producer.flush(30)


if __name__ == "__main__":
    main()
