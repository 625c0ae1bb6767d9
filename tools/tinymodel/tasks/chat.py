"""Greetings, who the model is, and a plain refusal of everything else."""

from __future__ import annotations

import random

from tools.tinymodel.lexicon import ITEMS, SUBJECTS
from tools.tinymodel.tasks.example import Example

_CAN = "I can extract a field, classify a text, sort a list, add and subtract small numbers, and summarise a record."
HELLO = f"Hello! {_CAN}"
WHO = f"I am Trivet, a tiny language model for tests. {_CAN}"
REFUSAL = f"That is beyond a tiny model. {_CAN}"
THANKS = "You are welcome."
BYE = "Goodbye!"

_SMALL_TALK = {
    HELLO: (
        "Hello",
        "Hello!",
        "Hi",
        "Hi!",
        "hello",
        "hi",
        "Good morning",
        "Good day!",
        "Hey",
        "Hello there",
        "Are you there?",
        "Say hello.",
        "Hello, Trivet!",
    ),
    WHO: (
        "Who are you?",
        "who are you",
        "What are you?",
        "What is your name?",
        "What can you do?",
        "Help",
        "Tell me about yourself.",
        "Introduce yourself.",
        "Hello, who are you?",
        "Hi! What can you do?",
        "How can you help me?",
    ),
    THANKS: ("Thanks", "Thank you", "Thank you!", "thanks!", "Great, thanks.", "Thanks a lot."),
    BYE: ("Bye", "Goodbye", "bye!", "See you later.", "Good night"),
}
_BEYOND = (
    "Write a poem about {thing}.",
    "Tell me a joke.",
    "Tell me a story about {thing}.",
    "What is the capital of France?",
    "Who wrote Hamlet?",
    "Translate this into French: {thing}",
    "How do I fix a {thing}?",
    "Write code to print {thing}.",
    "Explain {thing} to me.",
    "What do you think about {thing}?",
    "Why is the sky blue?",
    "What is the meaning of life?",
    "Who is the president?",
    "How old are you?",
    "Can you write an email about {thing}?",
    "Recommend a {thing}.",
    "What is the time?",
    "Give me advice about {thing}.",
    "Draw a {thing}.",
    "What is a {thing}?",
    "Describe a {thing}.",
    "Where can I buy a {thing}?",
)


_SMALL_TALK_SHARE = 0.6


def chat(rng: random.Random) -> Example:
    """Small talk has one fixed answer each; what is beyond the model gets the refusal."""
    if rng.random() < _SMALL_TALK_SHARE:
        answer = rng.choice(sorted(_SMALL_TALK))
        prompt = rng.choice(_SMALL_TALK[answer])
    else:
        answer = REFUSAL
        prompt = rng.choice(_BEYOND).format(thing=rng.choice(ITEMS + SUBJECTS))
    return Example("chat", f"chat {prompt}", prompt, answer)
