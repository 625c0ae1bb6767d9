"""A record of an order, a meeting or an incident, told in one sentence."""

from __future__ import annotations

import random

from tools.tinymodel.lexicon import CITIES, FIRST_NAMES, ITEMS, STATUSES, SUBJECTS, WEEKDAYS, article, pick
from tools.tinymodel.tasks.example import Example, reword

_ASK = (
    "Summarise: {text}",
    "Summarise this: {text}",
    "Summarise in one sentence: {text}",
    "Sum up: {text}",
    "{text}\nSummarise.",
)
_KINDS = {
    "order": (("customer", "item", "city", "status"), "{customer}'s order of {an_item} to {city} is {status}."),
    "meeting": (("host", "guest", "topic", "day"), "{host} and {guest} meet on {day} about the {topic}."),
    "incident": (("machine", "city", "day", "status"), "The {machine} in {city} has been {status} since {day}."),
}


def summarise(rng: random.Random) -> Example:
    """One of three kinds of record, its fields in any order, and the sentence that the kind asks for."""
    kind = rng.choice(sorted(_KINDS))
    fields, sentence = _KINDS[kind]
    values = _values(rng)
    order = rng.sample(fields, len(fields))
    between = rng.choice((", ", "; ", "\n"))
    text = f"{kind}{between if between == chr(10) else ': '}" + between.join(
        f"{field}: {values[field]}" for field in order
    )
    key = f"summarise {kind} {' '.join(values[field] for field in fields)}"
    return Example(
        "summarise",
        key,
        reword(rng, _ASK).format(text=text),
        sentence.format(an_item=article(values["item"]), **values),
    )


def _values(rng: random.Random) -> dict[str, str]:
    item = rng.choice(ITEMS)
    return {
        "customer": pick(rng, FIRST_NAMES),
        "host": pick(rng, FIRST_NAMES),
        "guest": pick(rng, FIRST_NAMES),
        "city": pick(rng, CITIES),
        "item": item,
        "machine": item,
        "topic": rng.choice(SUBJECTS),
        "day": rng.choice(WEEKDAYS),
        "status": rng.choice(STATUSES),
    }
