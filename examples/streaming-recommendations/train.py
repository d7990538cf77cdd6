"""Who will watch 80 % of a title? A small factor model in numpy, on the table that the gate keeps.

    python3 train.py lake/viewing        # needs numpy and deltalake
"""

import sys

import numpy as np
from deltalake import DeltaTable


def main():
    table = DeltaTable(sys.argv[1]).to_pyarrow_table(columns=["user_id", "title_id", "watched_80"])
    best = {}
    for user, title, watched in zip(*(table.column(name).to_pylist() for name in ("user_id", "title_id", "watched_80"))):
        best[user, title] = best.get((user, title), False) or watched
    users, titles = sorted({u for u, _ in best}), sorted({t for _, t in best})
    user_at, title_at = {u: i for i, u in enumerate(users)}, {t: i for i, t in enumerate(titles)}
    chance = np.random.default_rng(1)
    pairs = np.array([(user_at[u], title_at[t], seen) for (u, t), seen in sorted(best.items())])
    chance.shuffle(pairs)
    train, test = pairs[: len(pairs) * 4 // 5], pairs[len(pairs) * 4 // 5:]
    mean = train[:, 2].mean()
    of_users, of_titles = chance.normal(0, 0.3, (len(users), 4)), chance.normal(0, 0.3, (len(titles), 4))
    for _ in range(60):
        chance.shuffle(train)
        for user, title, seen in train:
            error = seen - mean - of_users[user] @ of_titles[title]
            change = 0.05 * error
            of_users[user], of_titles[title] = (of_users[user] * 0.995 + change * of_titles[title],
                                                of_titles[title] * 0.995 + change * of_users[user])
    guess = mean + (of_users[test[:, 0]] * of_titles[test[:, 1]]).sum(axis=1)
    right, plain = ((guess > 0.5) == test[:, 2]).mean(), max(test[:, 2].mean(), 1 - test[:, 2].mean())
    print(f"{len(best)} pairs of {len(users)} users and {len(titles)} titles")
    print(f"right: {right:.2f}, by always guessing the same: {plain:.2f}")


if __name__ == "__main__":
    main()
