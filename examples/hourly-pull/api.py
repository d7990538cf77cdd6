"""A small API as shops have them: sales by the hour, in pages, for those who know the token.

    python3 api.py [PORT]

From the third hour on it is version 2 of the API: `amount` is called `total`. Nobody was told.
"""

import json
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import parse_qs, urlsplit

TOKEN = "Bearer demo"
PAGE = 40


def sales(hour):
    """The sales of an hour, the same whenever it is asked for."""
    rows = []
    for i in range(100 + 7 * hour):
        amount = round(3 + (i * 37 + hour * 11) % 190 + 0.25 * (i % 4), 2)
        rows.append({"id": hour * 1000 + i, "at": f"2026-11-27T{hour:02}:{i % 60:02}:00Z", "shop": ["north", "south", "web"][i % 3], "amount": amount})
    if hour == 2:
        # What goes wrong every day: a refund that is no sale, a till without a clock, a line that came twice.
        rows[5]["amount"] = -12.5
        rows[17]["at"] = None
        rows.append(rows[30])
    if hour >= 3:
        rows = [{("total" if key == "amount" else key): value for key, value in row.items()} for row in rows]
    return rows


class Api(BaseHTTPRequestHandler):
    def do_GET(self):
        url = urlsplit(self.path)
        query = {key: values[0] for key, values in parse_qs(url.query).items()}
        if self.headers.get("Authorization") != TOKEN:
            return self.answer(401, {"error": "a token is needed"})
        if url.path != "/v1/sales" or not query.get("hour", "").isdigit():
            return self.answer(404, {"error": "there is /v1/sales?hour=1"})
        rows, start = sales(int(query["hour"])), int(query.get("after", 0))
        after = start + PAGE if start + PAGE < len(rows) else None
        self.answer(200, {"sales": rows[start : start + PAGE], "meta": {"next": after}})

    def answer(self, status, document):
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


if __name__ == "__main__":
    server = HTTPServer(("127.0.0.1", int(sys.argv[1]) if len(sys.argv) > 1 else 8000), Api)
    print(f"listening at http://127.0.0.1:{server.server_port}", flush=True)
    server.serve_forever()
