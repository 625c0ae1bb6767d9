"""Sentiment, topic or kind of ticket, told by the words of a short text."""

from __future__ import annotations

import random

from tools.tinymodel.lexicon import CITIES, FIRST_NAMES, ITEMS, SENTIMENTS, TICKETS, TOPICS, WEEKDAYS
from tools.tinymodel.tasks.example import Example, reword

# `{word}` and `{other}` carry the label; the other slots tell nothing.
_SENTIMENT_TEXTS = (
    "The {item} is {word}.",
    "I find the {item} {word}.",
    "The service in {city} was {word}.",
    "What a {word} {item}!",
    "My {item} arrived on {day} and it is {word}.",
    "{name} says the {item} is {word}.",
    "It was a {word} {day} in {city}.",
    "Very {word} staff, and the {item} came on {day}.",
)
_TOPIC_TEXTS = (
    "{name} talks about the {word} in {city}.",
    "There is news of the {word} this {day}.",
    "People in {city} worry about the {word} and the {other}.",
    "On {day} {name} wrote about the {word}.",
    "The {word} in {city} surprised {name}.",
    "After the {word} came the {other}.",
)
_TICKET_TEXTS = (
    "There is a problem with my {word}.",
    "Hello, I have a question about the {word} for the {item}.",
    "The {word} has been wrong since {day}.",
    "{name} in {city} asks about the {word}.",
    "Please check the {word} and the {other}.",
    "I still have no answer about my {word} of {day}.",
)
_SCHEMES = {
    "sentiment": (SENTIMENTS, _SENTIMENT_TEXTS),
    "topic": (TOPICS, _TOPIC_TEXTS),
    "ticket": (TICKETS, _TICKET_TEXTS),
}
_ASK = (
    "Classify the {scheme}: {text}",
    "Classify the {scheme} of this text: {text}",
    "What is the {scheme}? {text}",
    "{text}\nClassify the {scheme}.",
    "{scheme}: {labels}? {text}",
    "Is the {scheme} {labels}? {text}",
)


def classify(rng: random.Random) -> Example:
    """A text and the scheme to sort it by; half of the wordings list the labels."""
    scheme = rng.choice(sorted(_SCHEMES))
    labels, texts = _SCHEMES[scheme]
    label = rng.choice(sorted(labels))
    word, other = rng.sample(labels[label], 2)
    text = rng.choice(texts).format(
        word=word,
        other=other,
        item=rng.choice(ITEMS),
        city=rng.choice(CITIES),
        day=rng.choice(WEEKDAYS),
        name=rng.choice(FIRST_NAMES),
    )
    listed = " or ".join(sorted(labels))
    return Example(
        "classify",
        f"classify {scheme} {text}",
        reword(rng, _ASK).format(scheme=scheme, labels=listed, text=text),
        label,
    )
