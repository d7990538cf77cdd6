"""A local Azure store for tests: starts Azurite, makes the container `lake`, prints the port, and ends when its standard input does."""

import base64
import hashlib
import hmac
import os
import re
import subprocess
import sys
import tempfile
import threading
import urllib.request
from email.utils import formatdate

ACCOUNT = "devstoreaccount1"
# The emulator's well-known key.
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
CONTAINER = "lake"


def make_container(port: int) -> None:
    date = formatdate(usegmt=True)
    headers = f"x-ms-date:{date}\nx-ms-version:2023-11-03"
    resource = f"/{ACCOUNT}/{ACCOUNT}/{CONTAINER}\nrestype:container"
    signed = "\n".join(["PUT"] + [""] * 11 + [headers, resource])
    signature = base64.b64encode(hmac.new(base64.b64decode(KEY), signed.encode(), hashlib.sha256).digest()).decode()
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/{ACCOUNT}/{CONTAINER}?restype=container",
        method="PUT",
        headers={"x-ms-date": date, "x-ms-version": "2023-11-03", "Authorization": f"SharedKey {ACCOUNT}:{signature}"},
    )
    urllib.request.urlopen(request).close()


directory = tempfile.mkdtemp()
command = [sys.argv[1], "--blobHost", "127.0.0.1", "--blobPort", "0", "--location", directory, "--skipApiVersionCheck", "--disableTelemetry"]
server = subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True, cwd=directory)


def end_with_parent() -> None:
    sys.stdin.buffer.read()
    server.kill()
    os._exit(0)


threading.Thread(target=end_with_parent, daemon=True).start()
for line in server.stdout:
    listening = re.search(r"listens on http://127\.0\.0\.1:(\d+)", line)
    if listening:
        make_container(int(listening[1]))
        print(listening[1], flush=True)
        break
for _ in server.stdout:
    pass
