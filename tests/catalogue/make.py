#!/usr/bin/env python3
"""Makes the data that the rules of docs/catalogue are run over; the standard library only, the same bytes every time.

`orders.good.csv` keeps every rule of the pages, `orders.bad.csv` breaks every one: each column has mistakes of its own.
`items.*.csv` are narrow, for rules about which columns there are.
"""
import csv
import datetime as dt
import io
import pathlib
import uuid

here = pathlib.Path(__file__).parent
CITIES = {"DE": "Berlin", "FR": "Paris", "CH": "Zurich"}
CURRENCIES = {"DE": "EUR", "FR": "EUR", "CH": "CHF"}


def with_check_digit(number):
    """The number and its check digit by Luhn."""
    digits = [int(c) for c in reversed(number)]
    total = sum(d if i % 2 else sum(divmod(2 * d, 10)) for i, d in enumerate(digits))
    return number + str(-total % 10)


def iban(account):
    """A German account number with its check digits."""
    bban = f"37040044{account:010}"
    return f"DE{98 - int(bban + '131400') % 97:02}{bban}"


def good(i):
    """The i-th row, from 1."""
    day = dt.date(2026, 5, 5) + dt.timedelta(days=i)
    ordered = dt.datetime(2026, 9, 16) + dt.timedelta(hours=8 * i)
    country = ["DE", "DE", "FR", "CH", "FR", "DE", "CH", "FR", "DE", "CH"][i % 10]
    cents, quantity = 500 + i * 373 % 1500, 1 + i % 5
    share = 40 + i % 10
    kind = ["cat", "dog"][i % 2]
    return {
        "id": i,
        "order_id": f"A-{(i + 2) // 3:04}",
        "line": (i - 1) % 3 + 1,
        "email": f"user{i}@example.com",
        "email_again": f"user{i}@example.com",
        "phone": f"+1 212 555 {100 + i:04}",
        "price": f"{cents / 100:.2f}",
        "cost": f"{(cents - 100) / 100:.2f}",
        "quantity": quantity,
        "total": f"{cents * quantity / 100:.2f}",
        "share_a": share,
        "share_b": 35,
        "share_c": 65 - share,
        "status": ["open", "open", "paid", "paid", "paid", "paid", "paid", "shipped", "shipped", "shipped"][i % 10],
        "country": country,
        "city": CITIES[country],
        "currency": CURRENCIES[country],
        "customer_id": 1 + i % 10,
        "ordered_at": f"{ordered.isoformat()}Z",
        "shipped_at": f"{(ordered + dt.timedelta(hours=5)).isoformat()}Z",
        "day": day.isoformat(),
        "valid_from": day.isoformat(),
        "valid_to": (day + dt.timedelta(days=1)).isoformat(),
        "created": day.strftime("%d.%m.%Y"),
        "joined": day.isoformat(),
        "lat": f"{47 + i % 7 / 10:.1f}",
        "reading": f"{20 + i * 29 % 17 / 10:.1f}",
        "height": 150 + i * 7 % 40,
        "weight": 50 + i * 7 % 40 + i % 3,
        "rank": 300 - i,
        "seq": 2 * i,
        "stock": 0 if i % 20 == 0 else 3 + i % 7,
        "units": 1 + i % 9,
        "text": f"Parcel number {i} came in good order",
        "code": f"AB-{10000 + 7 * i}",
        "label": kind,
        "species": {"cat": "felis", "dog": "canis"}[kind],
        "channel": ["web", "shop"][i // 2 % 2],
        "brand": ["Acme", "Globex"][i % 2],
        "is_gift": ["true", "false"][i % 2],
        "payload": f'{{"kind": "parcel", "pieces": {quantity}}}',
        "uuid": str(uuid.uuid5(uuid.NAMESPACE_URL, f"https://example.com/{i}")),
        "url": f"https://example.com/orders/{i}",
        "ip": f"192.0.2.{i}",
        "card": with_check_digit(f"4111{11111110000 + 37 * i}"),
        "iban": iban(532013000 + i),
        "ssn": f"{120 + i}-45-{6000 + i}",
        "coupon": f"C{i}" if i % 5 < 2 else "",
        "remark": "call first" if i % 10 == 0 else "",
        "nothing": "",
    }


def bad(i):
    """The i-th row with mistakes: few rows have all of them, and each column has some."""
    row = good(i)
    early, middle, first_half = i <= 40, 40 < i <= 80, i <= 80
    if i % 10 == 0:
        row |= {"id": i - 1, "order_id": f"A-{(i + 1) // 3:04}", "line": (i - 2) % 3 + 1}
    if i == 15:
        row["id"] = 1
    row["email"] = "" if first_half else "nobody" if i <= 120 else row["email"]
    row["phone"] = "none" if early else row["phone"]
    row["price"] = "-5.00" if i <= 20 else "900.00" if i <= 110 else "0.00" if i == 111 else row["price"]
    row["cost"] = "950.00" if early else row["cost"]
    row["quantity"] = 0 if early else 50 if middle else row["quantity"]
    row["total"] = "1.00" if early else row["total"]
    row |= {"share_a": 35} if early else {"share_b": 30} if i > 120 else {}
    row["status"] = "lost" if i <= 120 else "open"
    if first_half:
        row |= {"country": f"Q{i}", "currency": "XXX", "code": "wrong", "created": "31/31/2026", "joined": "soon"}
    row["code"] = "  " if 80 < i <= 100 else row["code"]
    row["customer_id"] = 999 if early else row["customer_id"]
    ordered = dt.datetime(2025, 11, 20) - dt.timedelta(hours=8 * i)
    shipped = ordered + dt.timedelta(hours=-3 if early else 5)
    row |= {"ordered_at": f"{ordered.isoformat()}Z", "shipped_at": f"{shipped.isoformat()}Z"}
    day = dt.date(2026, 5, 5) + dt.timedelta(days=i + (5 if i > 80 else 0) - (12 if i == 120 else 0))
    row |= {"day": day.isoformat(), "valid_to": (dt.date.fromisoformat(row["valid_from"]) + dt.timedelta(days=3)).isoformat()}
    row["lat"] = "95.0" if i <= 20 else row["lat"]
    row["reading"] = "500.0" if i == 3 else row["reading"]
    row["weight"] = 120 - row["height"] // 2
    row["rank"] = 900 if early and i % 2 else row["rank"]
    row["seq"] = 2 * i + (3 * i if i > 40 else 0)
    row["stock"] = 0 if i <= 120 else row["stock"]
    row["units"] = "many" if i <= 20 else row["units"]
    row["text"] = "x" if early else "Parcel " * 50 if i == 41 else row["text"]
    row["label"] = "cat" if i <= 144 else "bird"
    row["species"] = ["felis", "canis"][i % 2]
    row["channel"] = "web"
    row["brand"] = "acme" if i % 4 == 0 else "Acme"
    row["is_gift"] = "false"
    row["payload"] = "{oops" if early else '{"kind": 7}' if middle else row["payload"]
    if early:
        row |= {name: "none-such" for name in ("uuid", "url", "ip", "card", "iban", "ssn")}
    row["coupon"] = "C1" if i <= 8 else ""
    row["remark"] = ""
    row["nothing"] = "something" if early else ""
    return row


def write(name, rows):
    out = io.StringIO()
    writer = csv.DictWriter(out, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    (here / name).write_text(out.getvalue())


write("orders.good.csv", [good(i) for i in range(1, 201)])
write("orders.bad.csv", [bad(i) for i in range(1, 161)])
write("customers.csv", [{"id": i, "email": f"customer{i}@example.com"} for i in range(1, 11)])
write("unsubscribed.csv", [{"address": "nobody"}, {"address": "gone@example.com"}])
write("cities.csv", [{"code": code, "name": name} for code, name in CITIES.items()])
write("items.good.csv", [{"id": i, "name": f"item {i}", "price": f"{i}.50"} for i in range(1, 9)])
write("items.bad.csv", [{"id": f"x{i}", "price": f"{i}.50", "colour": "red", "size": i} for i in range(1, 13)])
