"""Four weeks of daily orders, with five things that went wrong. Run it here: `python3 make.py`; it writes `data/`.

The numbers follow from the seed alone, so the files are the same wherever it runs.
"""

import datetime
import math
import pathlib
import random

SEED = 14
ROWS = 400
FIRST = datetime.date(2026, 11, 2)

RENAMED = 9        # `payment` is called `payment_method`
IN_CENTS = 12      # prices in cents
VANISHED = 18      # no order is paid by voucher
DOUBLED = 22       # every order stands there twice
SLOWER_FROM = 14   # deliveries take a little longer every day: 0.03 days

PAYMENTS = [("card", 0.55), ("transfer", 0.25), ("voucher", 0.20)]
COUNTRIES = [("DE", 0.5), ("FR", 0.3), ("AT", 0.2)]


def pick(random_, of):
    at = random_.random()
    for name, share in of:
        if at < share:
            return name
        at -= share
    return of[-1][0]


def day(number):
    """The header and the rows of the day with this number, from 1."""
    random_ = random.Random(f"{SEED}-{number}")
    date = FIRST + datetime.timedelta(days=number - 1)
    slower = 0.03 * max(0, number - SLOWER_FROM + 1)
    payments = PAYMENTS if number != VANISHED else [("card", 0.70), ("transfer", 0.30)]
    rows = []
    for i in range(ROWS + random_.randint(-12, 12)):
        price = math.exp(random_.gauss(3.2, 0.6))
        price = f"{price * 100:.0f}" if number == IN_CENTS else f"{price:.2f}"
        delivery = max(0.2, random_.gauss(3.0 + slower, 0.8))
        rows.append([f"{date:%m%d}{i:04}", pick(random_, COUNTRIES), pick(random_, payments), price, random_.randint(1, 5), f"{delivery:.1f}"])
    if number == DOUBLED:
        rows += rows
    payment = "payment_method" if number == RENAMED else "payment"
    return date, ["order_id", "country", payment, "price", "quantity", "delivery_days"], rows


def main():
    data = pathlib.Path(__file__).parent / "data"
    data.mkdir(exist_ok=True)
    for number in range(1, 29):
        date, header, rows = day(number)
        text = "".join(",".join(map(str, row)) + "\n" for row in [header, *rows])
        (data / f"{date}.csv").write_text(text, encoding="utf-8", newline="")


main()
