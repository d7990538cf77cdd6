"""A stand-in for Google Cloud Storage in tests: its XML interface, as far as it is documented and used, with a bucket `lake` in memory.

Prints its port, and ends when its standard input does. In the bucket `careless` conditions are ignored.
"""

import os
import sys
import threading
import time
from email.utils import formatdate
from hashlib import md5
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

BUCKETS = {"lake": {}, "careless": {}}
PAGE = 100
# A put is whole or not there.
LOCK = threading.Lock()


class Request(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, body=b"", headers=()):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        if not any(name == "Content-Length" for name, _ in headers):
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def refuse(self, status, code, message):
        self.answer(status, f"<Error><Code>{code}</Code><Message>{message}</Message></Error>".encode())

    def target(self):
        url = urlsplit(self.path)
        bucket, _, key = url.path.lstrip("/").partition("/")
        return bucket, unquote(key), parse_qs(url.query, keep_blank_values=True)

    def do_PUT(self):
        bucket, key, _ = self.target()
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if bucket not in BUCKETS:
            return self.refuse(404, "NoSuchBucket", "The specified bucket does not exist.")
        with LOCK:
            self.put(bucket, key, body)

    def put(self, bucket, key, body):
        objects = BUCKETS[bucket]
        if bucket != "careless" and self.headers.get("x-goog-if-generation-match") == "0" and key in objects:
            return self.refuse(412, "PreconditionFailed", "At least one of the pre-conditions you specified did not hold.")
        source = self.headers.get("x-goog-copy-source")
        if source:
            from_bucket, _, from_key = unquote(source).lstrip("/").partition("/")
            body = BUCKETS[from_bucket][from_key][0]
        objects[key] = (body, f'"{md5(body).hexdigest()}"', time.time())
        self.answer(200, b"", [("ETag", objects[key][1]), ("x-goog-generation", str(time.time_ns()))])

    def do_DELETE(self):
        bucket, key, _ = self.target()
        found = BUCKETS.get(bucket, {}).pop(key, None)
        self.answer(204) if found else self.refuse(404, "NoSuchKey", "The specified key does not exist.")

    def do_HEAD(self):
        self.do_GET()

    def do_GET(self):
        bucket, key, query = self.target()
        if bucket not in BUCKETS:
            return self.refuse(404, "NoSuchBucket", "The specified bucket does not exist.")
        if not key:
            return self.list(BUCKETS[bucket], query)
        if key not in BUCKETS[bucket]:
            return self.refuse(404, "NoSuchKey", "The specified key does not exist.")
        body, tag, modified = BUCKETS[bucket][key]
        if self.headers.get("If-Match", tag) != tag:
            return self.refuse(412, "PreconditionFailed", "At least one of the pre-conditions you specified did not hold.")
        headers = [("ETag", tag), ("Last-Modified", formatdate(modified, usegmt=True))]
        wanted = self.headers.get("Range")
        if wanted:
            first, _, last = wanted.removeprefix("bytes=").partition("-")
            start, end = int(first), min(int(last) + 1, len(body)) if last else len(body)
            headers.append(("Content-Range", f"bytes {start}-{end - 1}/{len(body)}"))
            return self.answer(206, body[start:end], headers)
        self.answer(200, body, [*headers, ("Content-Length", str(len(body)))])

    def list(self, objects, query):
        get = lambda name: query.get(name, [""])[0]
        prefix, delimiter, after = get("prefix"), get("delimiter"), max(get("continuation-token"), get("start-after"))
        contents, directories, last = [], [], ""
        for key in sorted(k for k in list(objects) if k.startswith(prefix) and k > after):
            if len(contents) + len(directories) == PAGE:
                break
            last = key
            head, found, _ = key[len(prefix) :].partition(delimiter) if delimiter else (key, "", "")
            if found:
                if prefix + head + delimiter not in directories:
                    directories.append(prefix + head + delimiter)
                continue
            body, tag, modified = objects[key]
            at = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(modified))
            contents.append(
                f"<Contents><Key>{escape(key)}</Key><Size>{len(body)}</Size><ETag>{escape(tag)}</ETag><LastModified>{at}</LastModified></Contents>"
            )
        else:
            last = ""
        more = f"<NextContinuationToken>{escape(last)}</NextContinuationToken>" if last else ""
        below = "".join(f"<CommonPrefixes><Prefix>{escape(d)}</Prefix></CommonPrefixes>" for d in directories)
        self.answer(200, f"<ListBucketResult>{more}{''.join(contents)}{below}</ListBucketResult>".encode())


def end_with_parent() -> None:
    sys.stdin.buffer.read()
    os._exit(0)


threading.Thread(target=end_with_parent, daemon=True).start()
server = ThreadingHTTPServer(("127.0.0.1", 0), Request)
print(server.server_port, flush=True)
server.serve_forever()
