"""Clean tables in the style of public ones that are used to measure how errors are found, and errors to plant in them.

Every table is made from a seed alone. A column of a table is `text`, `code` (digits that are no number), `number`, `date`
or `key`; `follows` names the columns that another one determines.
"""

import numpy as np
import pandas as pd

SYLLABLES = "ba be bo ca co da de do fa fi ga go ha he ja ka ki la le lo ma me mo na no pa po ra re ri ro sa se si so ta te to va ve vi wa we".split()
STATES = "AL AK AZ AR CA CO CT DE FL GA HI ID IL IN IA KS KY LA ME MD MA MI MN MS MO MT NE NV NH NJ NM NY NC ND OH OK OR PA".split()


class Table:
    """A clean table, what its columns are, and what follows from what."""

    def __init__(self, name, frame, kinds, follows):
        self.name, self.frame, self.kinds, self.follows = name, frame.astype(str), kinds, follows
        assert list(frame.columns) == list(kinds), name


def word(rng, low=2, high=4):
    return "".join(rng.choice(SYLLABLES, rng.integers(low, high + 1))).capitalize()


def words(rng, n, low=2, high=4):
    """So many different names."""
    found = []
    while len(found) < n:
        new = word(rng, low, high)
        if new not in found:
            found.append(new)
    return np.array(found)


def places(rng, n):
    """Postcodes with the city, the state and the county that each is in."""
    cities = words(rng, n)
    states = rng.choice(STATES[:25], n)
    counties = np.array([word(rng) + " County" for _ in range(n)])
    zips = rng.choice(np.arange(10000, 99999), n, replace=False).astype(str)
    return zips, cities, states, counties


def phone(rng):
    return f"{rng.integers(200, 999)}-{rng.integers(200, 999)}-{rng.integers(0, 9999):04d}"


def hospital(rng, rows=1000):
    """Hospitals by quality measure: nearly every column follows from the provider or from the measure."""
    hospitals, measures = rows // 20, 20
    zips, cities, states, counties = places(rng, hospitals)
    provider = rng.choice(np.arange(10001, 99999), hospitals, replace=False).astype(str)
    name = np.array([f"{word(rng)} {rng.choice(['Medical Center', 'Hospital', 'Regional Hospital', 'Memorial'])}" for _ in range(hospitals)])
    address = np.array([f"{rng.integers(1, 9999)} {word(rng)} {rng.choice(['Street', 'Avenue', 'Road'])}" for _ in range(hospitals)])
    phones = np.array([phone(rng) for _ in range(hospitals)])
    owner = rng.choice(["Government", "Proprietary", "Voluntary Non-profit", "Church"], hospitals)
    emergency = rng.choice(["Yes", "No"], hospitals, p=[0.8, 0.2])
    code = np.array([f"{rng.choice(['AMI', 'HF', 'PN', 'SCIP'])}-{i}" for i in range(1, measures + 1)])
    measure = np.array([" ".join(words(rng, 5)).lower().capitalize() for _ in range(measures)])
    condition = np.array([{"AMI": "Heart Attack", "HF": "Heart Failure", "PN": "Pneumonia", "SCIP": "Surgical Infection Prevention"}[c.split("-")[0]] for c in code])
    h, m = np.repeat(np.arange(hospitals), measures), np.tile(np.arange(measures), hospitals)
    frame = pd.DataFrame({
        "provider": provider[h], "name": name[h], "address": address[h], "city": cities[h], "state": states[h], "zip": zips[h],
        "county": counties[h], "phone": phones[h], "owner": owner[h], "emergency": emergency[h], "condition": condition[m],
        "measure_code": code[m], "measure_name": measure[m], "score": [f"{x}%" for x in rng.integers(40, 101, len(h))],
        "sample": [f"{x} patients" for x in rng.integers(5, 400, len(h))],
    })
    kinds = dict.fromkeys(frame.columns, "text") | {"provider": "code", "zip": "code", "phone": "code", "measure_code": "code", "score": "code", "sample": "code"}
    of_provider = ["name", "address", "city", "state", "zip", "county", "phone", "owner", "emergency"]
    return Table("hospital", frame, kinds, {"provider": of_provider, "measure_code": ["condition", "measure_name"]})


def flights(rng, rows=2400):
    """The same flights as several sites report them: times follow from the flight."""
    sites = np.array(["aa", "airtravelcenter", "allegiantair", "boston", "businesstravellogue", "flightview", "flightarrival", "flylouisville", "gofox", "ifly", "mytripandmore", "orbitz", "panynj", "travelocity", "weather", "world-flight-tracker"])
    flights = rows // len(sites)
    carriers = ["AA", "UA", "DL", "B6"]
    airports = ["JFK", "LAX", "ORD", "MIA", "SFO", "BOS", "PHX", "DFW", "EWR", "DEN"]
    names = []
    while len(names) < flights:
        new = f"{rng.choice(carriers)}-{rng.integers(100, 4999)}-{'-'.join(rng.choice(airports, 2, replace=False))}"
        if new not in names:
            names.append(new)

    def clock(minutes):
        minutes = int(minutes) % 1440
        hour = minutes // 60
        return f"{(hour - 1) % 12 + 1}:{minutes % 60:02d} {'a.m.' if hour < 12 else 'p.m.'}"

    departure = rng.integers(300, 1300, flights)
    arrival = departure + rng.integers(60, 400, flights)
    late = np.maximum(0, rng.exponential(20, flights).astype(int) - 5)
    f = np.repeat(np.arange(flights), len(sites))
    frame = pd.DataFrame({
        "id": np.arange(1, len(f) + 1), "site": np.tile(sites, flights), "flight": np.array(names)[f],
        "scheduled_departure": [clock(x) for x in departure[f]], "actual_departure": [clock(x) for x in (departure + late)[f]],
        "scheduled_arrival": [clock(x) for x in arrival[f]], "actual_arrival": [clock(x) for x in (arrival + late)[f]],
    })
    kinds = {"id": "key", "site": "text", "flight": "code", "scheduled_departure": "code", "actual_departure": "code", "scheduled_arrival": "code", "actual_arrival": "code"}
    return Table("flights", frame, kinds, {"flight": list(frame.columns[3:])})


def beers(rng, rows=2400):
    """Beers of breweries: what is known of the brewery follows from its id; some measurements are missing by nature."""
    breweries = rows // 8
    zips, cities, states, _ = places(rng, breweries)
    brewery = np.array([f"{word(rng)} {rng.choice(['Brewing Company', 'Brewery', 'Beer Co.', 'Ales'])}" for _ in range(breweries)])
    styles = np.array(["American IPA", "American Pale Ale", "Amber Ale", "Blonde Ale", "Double IPA", "Brown Ale", "Porter", "Saison", "Witbier", "Kölsch", "Hefeweizen", "Cider", "Oatmeal Stout", "Märzen", "Pilsener"])
    b = rng.integers(0, breweries, rows)
    style = rng.choice(len(styles), rows, p=np.array([16, 12, 9, 8, 8, 7, 6, 6, 5, 5, 5, 4, 4, 3, 2]) / 100)
    ibu = np.where(rng.random(rows) < 0.4, "", rng.integers(8, 110, rows).astype(str))
    name = [f"{word(rng)} {rng.choice(['Lager', 'IPA', 'Ale', 'Stout', '#9', 'Red', '2012', 'No. 5'])}" for _ in range(rows)]
    frame = pd.DataFrame({
        "id": rng.choice(np.arange(1, 2 * rows), rows, replace=False), "beer": name, "style": styles[style],
        "ounces": rng.choice(["12", "16", "8.4", "19.2", "24", "32"], rows, p=[0.6, 0.3, 0.03, 0.03, 0.02, 0.02]),
        "abv": np.round(rng.normal(0.06, 0.012, rows).clip(0.027, 0.12), 3), "ibu": ibu, "brewery_id": b + 1,
        "brewery": brewery[b], "city": cities[b], "state": states[b],
    })
    kinds = {"id": "key", "beer": "text", "style": "text", "ounces": "number", "abv": "number", "ibu": "number", "brewery_id": "code", "brewery": "text", "city": "text", "state": "text"}
    return Table("beers", frame, kinds, {"brewery_id": ["brewery", "city", "state"]})


def tax(rng, rows=20000):
    """Tax records of people: the place follows from the postcode, rates from the state, exemptions from the family."""
    n = 400
    zips, cities, states, _ = places(rng, n)
    area = {state: rng.integers(200, 999) for state in STATES}
    p = rng.integers(0, n, rows)
    married, children = rng.random(rows) < 0.5, rng.random(rows) < 0.5
    rate = {state: round(float(x), 2) for state, x in zip(STATES, rng.uniform(0, 9, len(STATES)))}
    single = {state: int(x) * 100 for state, x in zip(STATES, rng.integers(0, 70, len(STATES)))}
    first, last = words(rng, 300, 2, 3), words(rng, 900, 2, 4)
    salary = (rng.lognormal(10.6, 0.5, rows) / 100).astype(int) * 100
    state = states[p]
    born = pd.Timestamp("1940-01-01") + pd.to_timedelta(rng.integers(0, 23000, rows), unit="D")
    hyphen = rng.random(rows) < 0.02
    family = rng.choice(last, rows)
    frame = pd.DataFrame({
        "first_name": rng.choice(first, rows), "last_name": np.where(hyphen, np.char.add(np.char.add(family.astype(str), "-"), rng.choice(last, rows).astype(str)), family),
        "gender": rng.choice(["M", "F"], rows), "born": born.strftime("%Y-%m-%d"), "area_code": [area[s] for s in state],
        "phone": [f"{rng.integers(200, 999)}-{rng.integers(0, 9999):04d}" for _ in range(rows)], "city": cities[p], "state": state, "zip": zips[p],
        "marital_status": np.where(married, "Married", "Single"), "has_child": np.where(children, "Yes", "No"), "salary": salary,
        "rate": [rate[s] for s in state], "single_exemption": [single[s] for s in state],
    })
    kinds = dict.fromkeys(frame.columns, "text") | {"born": "date", "area_code": "code", "phone": "code", "zip": "code", "salary": "number", "rate": "number", "single_exemption": "number"}
    return Table("tax", frame, kinds, {"zip": ["city", "state"], "state": ["area_code", "rate", "single_exemption"]})


def movies(rng, rows=6000):
    """Films: ratings, lengths with a unit, dates in words, a language of each country."""
    countries = np.array(["USA", "UK", "France", "Germany", "India", "Japan", "Canada", "Italy", "Spain", "Sweden", "Brazil", "Mexico"])
    languages = np.array(["English", "English", "French", "German", "Hindi", "Japanese", "English", "Italian", "Spanish", "Swedish", "Portuguese", "Spanish"])
    c = rng.choice(len(countries), rows, p=np.array([40, 15, 9, 7, 6, 5, 5, 4, 3, 2, 2, 2]) / 100)
    directors = np.array([f"{word(rng)} {word(rng)}" for _ in range(700)])
    day = pd.Timestamp("1950-01-01") + pd.to_timedelta(rng.integers(0, 26000, rows), unit="D")
    title = [" ".join([rng.choice(["The", "A", "My", "Last", "2", "Little"]), word(rng), rng.choice(["", "Returns", "of " + word(rng)])]).strip() for _ in range(rows)]
    votes = rng.lognormal(7, 2, rows).astype(int) + 5
    rating = np.round(rng.normal(6.3, 1.1, rows).clip(1.2, 9.4), 1)
    minutes = rng.normal(105, 18, rows).clip(60, 220).astype(int)
    frame = pd.DataFrame({
        "id": [f"tt{i:07d}" for i in rng.choice(np.arange(10000, 9999999), rows, replace=False)], "title": title, "year": day.year,
        "released": day.strftime("%d %b %Y"), "director": rng.choice(directors, rows), "country": countries[c], "language": languages[c],
        "genre": rng.choice(["Drama", "Comedy", "Action", "Horror", "Crime", "Romance", "Thriller", "Documentary", "Animation"], rows),
        "certificate": rng.choice(["G", "PG", "PG-13", "R", "NC-17"], rows, p=[0.1, 0.2, 0.3, 0.38, 0.02]),
        "duration": [f"{m} min" for m in minutes], "rating": rating, "votes": votes,
        "budget": np.where(rng.random(rows) < 0.3, "", (rng.lognormal(15, 1, rows) / 1000).astype(int).astype(str) ), 
    })
    kinds = dict.fromkeys(frame.columns, "text") | {"id": "key", "year": "number", "released": "date", "duration": "code", "rating": "number", "votes": "number", "budget": "number"}
    return Table("movies", frame, kinds, {"country": ["language"]})


TABLES = {"hospital": (hospital, 0.03), "flights": (flights, 0.03), "beers": (beers, 0.03), "tax": (tax, 0.015), "movies": (movies, 0.02)}
CLASSES = ["typo", "swap", "dependency", "missing", "format"]


def misspelled(rng, text):
    """One character is changed, left out, doubled or changes place with the next."""
    at = int(rng.integers(0, len(text)))
    letter = rng.choice(list("0123456789")) if text[at].isdigit() else rng.choice(list("abcdefghijklmnopqrstuvwxyz"))
    ways = [text[:at] + letter + text[at + 1:], text[:at] + text[at + 1:], text[:at] + text[at] + text[at:], text[:at] + text[at + 1:at + 2] + text[at:at + 1] + text[at + 2:]]
    return str(rng.choice(ways))


def reformatted(rng, text, kind):
    """The same value, written otherwise."""
    if kind == "date":
        day = pd.Timestamp(text)
        return str(rng.choice([day.strftime("%d/%m/%Y"), day.strftime("%Y.%m.%d"), day.strftime("%B %d %Y"), day.strftime("%m-%d-%y")]))
    if kind == "number":
        ways = [text.replace(".", ",") if "." in text else text + ",0", text + " units", "$" + text, "~" + text]
    elif kind == "code":
        ways = [text.replace("-", "") if "-" in text else text + ".0", text.replace("-", " ") if "-" in text else "#" + text, " " + text, text.replace(" ", "") if " " in text else "no " + text]
    else:
        ways = [text.upper(), text.lower(), " " + text, text + " ", text.replace(" ", "_") if " " in text else text + "."]
    ways = [way for way in ways if way != text]
    return str(rng.choice(ways))


def planted(table, rng, share):
    """The table with errors in `share` of its cells, a fifth of each class, and where they are: {(row, column): class}."""
    clean, dirty, errors = table.frame, table.frame.copy(), {}
    columns, n = list(clean.columns), len(clean)
    each = int(share * n * len(columns) / len(CLASSES))
    dependent = [column for columns in table.follows.values() for column in columns]
    plain = [column for column in columns if table.kinds[column] != "key"]
    swappable = [column for column in plain if table.kinds[column] != "number"]
    numbers = [column for column in plain if table.kinds[column] == "number"]

    def free(row, column):
        return (row, column) not in errors and clean.at[row, column] != ""

    for kind in CLASSES:
        done, tries = 0, 0
        while done < each and tries < 50 * each:
            tries += 1
            row = int(rng.integers(0, n))
            if kind == "swap":
                group = swappable if len(numbers) < 2 or rng.random() < 0.7 else numbers
                a, b = rng.choice(group, 2, replace=False)
                if free(row, a) and free(row, b) and clean.at[row, a] != clean.at[row, b]:
                    dirty.at[row, a], dirty.at[row, b] = clean.at[row, b], clean.at[row, a]
                    errors[row, a] = errors[row, b] = kind
                    done += 2
                continue
            column = str(rng.choice(dependent if kind == "dependency" else [c for c in plain if kind != "typo" or table.kinds[c] in ("text", "code")]))
            if not free(row, column):
                continue
            text = clean.at[row, column]
            new = {
                "typo": lambda: misspelled(rng, text),
                "dependency": lambda: clean.at[int(rng.integers(0, n)), column],
                "missing": lambda: str(rng.choice(["", "", "N/A", "?"])),
                "format": lambda: reformatted(rng, text, table.kinds[column]),
            }[kind]()
            if new != text:
                dirty.at[row, column] = new
                errors[row, column] = kind
                done += 1
    return dirty, errors


def make(name, seed):
    """The clean table, the dirty one, and the planted errors."""
    rng = np.random.default_rng([seed, *name.encode()])
    build, share = TABLES[name]
    table = build(rng)
    dirty, errors = planted(table, rng, share)
    return table, dirty, errors
