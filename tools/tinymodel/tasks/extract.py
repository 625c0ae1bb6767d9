"""Find one field in a small record or a sentence and copy it."""

from __future__ import annotations

import random

from tools.tinymodel.lexicon import CITIES, FIRST_NAMES, ITEMS, JOBS, LAST_NAMES, STATUSES, WEEKDAYS, article, pick
from tools.tinymodel.tasks.example import Example, reword

_ASK = (
    "Extract the {field}: {text}",
    "Extract the {field} from: {text}",
    "Extract the {field} from this text: {text}",
    "What is the {field}? {text}",
    "Find the {field}: {text}",
    "{text}\nWhat is the {field}?",
    "{text}\nExtract the {field}.",
)
_SENTENCES = (
    ("{name} is {job} in {city}.", ("name", "job", "city")),
    ("{name}, {age}, lives in {city} and works as {job}.", ("name", "age", "city", "job")),
    ("My name is {name} and I live in {city}. Call me at {phone}.", ("name", "city", "phone")),
    ("{name} from {city} called on {day} about the {item}.", ("name", "city", "day", "item")),
    ("{name} ordered {item} for {price} dollars on {day}.", ("name", "item", "price", "day")),
    ("Order {order} for {name} in {city} is {status}.", ("order", "name", "city", "status")),
    ("Please send {item} to {name} in {city} by {day}.", ("item", "name", "city", "day")),
)
_RECORD_SHARE = 0.5
_CAPITAL_SHARE = 0.3
_WITH_ARTICLE = ("job", "item")


def extract(rng: random.Random) -> Example:
    """One field of a record (three to five `key: value` pairs) or of a sentence."""
    values = _values(rng)
    if rng.random() < _RECORD_SHARE:
        fields = rng.sample(sorted(values), rng.randint(3, 5))
        text = _record(rng, {field: values[field] for field in fields})
    else:
        sentence, names = rng.choice(_SENTENCES)
        fields = list(names)
        spoken = {
            k: article(v) if k in _WITH_ARTICLE and f"the {{{k}}}" not in sentence else v for k, v in values.items()
        }
        text = sentence.format(**spoken)
    field = rng.choice(fields)
    key = f"extract {field} {' '.join(values[name] for name in sorted(fields))}"
    return Example("extract", key, reword(rng, _ASK).format(field=field, text=text), values[field])


def _values(rng: random.Random) -> dict[str, str]:
    return {
        "name": f"{pick(rng, FIRST_NAMES)} {pick(rng, LAST_NAMES)}",
        "city": pick(rng, CITIES),
        "job": rng.choice(JOBS),
        "item": rng.choice(ITEMS),
        "day": rng.choice(WEEKDAYS),
        "status": rng.choice(STATUSES),
        "age": str(rng.randint(18, 90)),
        "price": str(rng.randint(2, 99)),
        "order": str(rng.randint(100, 999)),
        "phone": str(rng.randint(1000, 9999)),
    }


def _record(rng: random.Random, values: dict[str, str]) -> str:
    joint, between = rng.choice(((": ", ", "), (": ", "\n"), (": ", "; ")))
    capital = rng.random() < _CAPITAL_SHARE
    return between.join(f"{field.capitalize() if capital else field}{joint}{value}" for field, value in values.items())
