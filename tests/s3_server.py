"""A local S3 store for tests: prints its port, and ends when its standard input does."""

import os
import sys
import threading

from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server


def end_with_parent() -> None:
    sys.stdin.buffer.read()
    os._exit(0)


class Careless:
    """In the bucket `careless` conditions are ignored, as some stores do: what is put is written over what is there."""

    def __init__(self, store):
        self.store = store

    def __call__(self, environ, start_response):
        if environ["PATH_INFO"].startswith("/careless"):
            environ.pop("HTTP_IF_NONE_MATCH", None)
        return self.store(environ, start_response)


threading.Thread(target=end_with_parent, daemon=True).start()
# One request at a time: a conditional put is then as indivisible as a real store's.
server = make_server("127.0.0.1", 0, Careless(DomainDispatcherApplication(create_backend_app)), threaded=False)
print(server.server_port, flush=True)
server.serve_forever()
