"""The closed vocabulary that the synthetic tasks draw from, and made-up names beside it."""

from __future__ import annotations

import random
from collections.abc import Sequence


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


FIRST_NAMES = _words("""
    Amara Anna Ben Chidi Clara David Elena Emma Farid Grace Hana Ivan Jonas Kofi Lena Leo Lindiwe Lucas Maria
    Mateo Mia Nadia Nina Noah Omar Paul Priya Rosa Sam Sara Sipho Thabo Tariq Tom Vera Wei Yusuf Zanele Zoe Zuri
""")
LAST_NAMES = _words("""
    Adams Bauer Botha Costa Cruz Dlamini Diaz Evans Fischer Garcia Green Haddad Ito Jansen Kaya Khan Kim Klein
    Kumar Lee Lopez Mbeki Meyer Moyo Mwangi Naidoo Ndlovu Nkosi Okafor Osei Patel Park Rossi Sato Silva Smith
    Tan Weber Wilson Zulu
""")
CITIES = _words("""
    Accra Athens Berlin Bogota Boston Cairo Dakar Delhi Dublin Durban Geneva Hamburg Harare Kigali Lagos Lima
    Lisbon London Lusaka Madrid Maputo Nairobi Oslo Paris Prague Pretoria Quito Rome Seoul Tokyo Tunis Vienna
""")
JOBS = _words("""
    baker builder chef clerk coach cook dentist doctor driver editor engineer farmer guard judge lawyer miner
    nurse painter pilot plumber tailor teacher waiter writer
""")
ITEMS = _words("""
    bag ball bed bell bike boat book boot box cable camera chair clock coat cup desk door drill drum fan guitar
    hat kettle key ladder lamp lock map mirror pan pen phone pump radio ring rope saw sofa table tent
""")
WEEKDAYS = _words("Monday Tuesday Wednesday Thursday Friday Saturday Sunday")
STATUSES = _words("open closed late lost paid ready sent stuck")
SUBJECTS = _words("""
    budget contract deadline design hiring launch office payroll pricing report safety schedule stock tax
    training travel
""")
SORTABLE = _words("""
    apple banana bean bread cake carrot cheese corn date egg fig fish grape honey kiwi lemon lime mango melon
    nut olive onion orange peach pear pepper plum potato rice salt soup sugar tea tomato yam
""")
SENTIMENTS = {
    "positive": _words("good great lovely excellent wonderful perfect superb pleasant happy fantastic"),
    "negative": _words("bad awful terrible poor horrible broken useless rude sad disappointing"),
}
TOPICS = {
    "sport": _words("match team goal coach player league race stadium"),
    "health": _words("doctor hospital vaccine patient clinic medicine nurse fever"),
    "finance": _words("bank loan interest shares profit market tax budget"),
    "weather": _words("rain storm wind snow sunshine cloud thunder flood"),
}
TICKETS = {
    "billing": _words("invoice refund charge payment price receipt"),
    "delivery": _words("parcel courier shipping package address tracking"),
    "technical": _words("error crash login password update screen"),
}

_ONSETS = _words("b d f g h j k l m n p r s t v w z br dr kr st tr")
_VOWELS = _words("a e i o u")
_CODAS = ("", "", "", "n", "r", "s", "l", "k")
_SYLLABLES = (2, 2, 3)
_MADE_UP_SHARE = 0.2


def everything() -> tuple[str, ...]:
    """Every word of this module, once."""
    labelled = [words for group in (SENTIMENTS, TOPICS, TICKETS) for words in group.values()]
    lists = (FIRST_NAMES, LAST_NAMES, CITIES, JOBS, ITEMS, WEEKDAYS, STATUSES, SUBJECTS, SORTABLE, *labelled)
    return tuple(dict.fromkeys(word for words in lists for word in words))


def invent(rng: random.Random) -> str:
    """A name that stands on no list: learning to copy it is learning to copy."""
    syllables = [rng.choice(_ONSETS) + rng.choice(_VOWELS) for _ in range(rng.choice(_SYLLABLES))]
    return ("".join(syllables) + rng.choice(_CODAS)).capitalize()


def pick(rng: random.Random, names: Sequence[str]) -> str:
    """A listed name, or now and then an invented one."""
    return invent(rng) if rng.random() < _MADE_UP_SHARE else rng.choice(names)


def article(noun: str) -> str:
    """`noun` with its indefinite article."""
    return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"
