"""Keywords as people type them: words that say something about who clicks, put together without repetition."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pricebid.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

_THEMES: tuple[tuple[str, ...], ...] = (
    ("running shoes", "trail shoes", "sneakers", "walking shoes", "hiking boots", "sandals", "loafers", "rain boots"),
    ("tent", "sleeping bag", "camping stove", "backpack", "headlamp", "camping chair", "cool box", "hammock"),
    ("espresso machine", "coffee grinder", "moka pot", "milk frother", "coffee beans", "kettle", "mugs", "filters"),
    (
        "office chair",
        "standing desk",
        "desk lamp",
        "bookshelf",
        "monitor arm",
        "footrest",
        "filing cabinet",
        "desk pad",
    ),
    ("road bike", "bike helmet", "bike lock", "bike lights", "cycling jersey", "bike pump", "pannier", "saddle"),
)
_NAMES = ("shoes", "camping", "coffee", "office", "cycling")
_LOOKS = (
    *("", "red", "blue", "black", "white", "cheap", "best", "small", "large", "light", "new", "used", "premium"),
    *("vintage", "waterproof", "folding"),
)
_AIMS = ("", "buy", "sale", "online", "price", "review", "near me", "free delivery", "how to clean", "gift", "discount")
_PLACES = (
    *("", "london", "leeds", "york", "bath", "dublin", "cardiff", "oxford", "bristol", "exeter", "derby", "dundee"),
    *("perth", "truro", "ely", "wells", "ripon", "durham", "lincoln", "norwich", "chester", "belfast", "swansea"),
    *("newport", "bangor", "lichfield", "salford", "preston", "lancaster", "carlisle", "stirling", "inverness"),
)
_MATCHES = ("broad", "exact", "phrase")


@dataclass(frozen=True, kw_only=True, eq=False)
class AdKeywords:
    """What carries a bid: one row per campaign x keyword x match type, sorted by these.

    Parameters
    ----------
    campaigns : object[campaign]
        Names of the campaigns.
    campaign : int64[keyword]
        Which campaign.
    keyword, match_type : object[keyword]
        The text and how it matches.
    words : int64[keyword, part]
        Number of each of the keyword's words in a list common to all: words of the same number say the same.
    """

    campaigns: NDArray[np.object_]
    campaign: NDArray[np.int64]
    keyword: NDArray[np.object_]
    match_type: NDArray[np.object_]
    words: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.keyword)

    def locate(self, labels: list[tuple[str, str, str]]) -> NDArray[np.int64]:
        """Return the rows of (campaign, keyword, match type), int64[label]; KeyError where one is not there."""
        names = self.campaigns[self.campaign]
        row = {key: at for at, key in enumerate(zip(names, self.keyword, self.match_type, strict=True))}
        return np.array([row[label] for label in labels], dtype=np.int64)


def draw_keywords(keywords: int, campaigns: int, rng: np.random.Generator) -> AdKeywords:
    """Put keywords together, no two alike within a campaign.

    Parameters
    ----------
    keywords, campaigns : int
        How many in all, and over how many campaigns.
    rng : numpy.random.Generator
        Source of all randomness.

    Raises
    ------
    InputError
        More keywords per campaign are asked for than there are words to make them of.
    """
    names = [
        _NAMES[c % len(_NAMES)] + (f"-{c // len(_NAMES) + 1}" if c >= len(_NAMES) else "") for c in range(campaigns)
    ]
    order = sorted(range(campaigns), key=lambda c: names[c])
    rows = [
        _of_campaign(at, theme, names[theme], _share(keywords, campaigns, at), rng) for at, theme in enumerate(order)
    ]
    return AdKeywords(
        campaigns=np.array([names[c] for c in order], dtype=object),
        campaign=np.concatenate([row.campaign for row in rows]),
        keyword=np.concatenate([row.keyword for row in rows]),
        match_type=np.concatenate([row.match_type for row in rows]),
        words=np.concatenate([row.words for row in rows]),
    )


def _share(keywords: int, campaigns: int, at: int) -> int:
    return keywords // campaigns + (at < keywords % campaigns)


def _of_campaign(at: int, theme: int, name: str, count: int, rng: np.random.Generator) -> AdKeywords:
    nouns = _THEMES[theme % len(_THEMES)]
    # Places come in only where the other words are not enough: most shops do not name them.
    places = _PLACES if count > len(_LOOKS) * len(nouns) * len(_AIMS) // 4 else _PLACES[:1]
    sizes = (len(_LOOKS), len(nouns), len(_AIMS), len(places))
    most = int(np.prod(sizes))
    if count > most:
        raise InputError(f"{count:,} keywords in campaign {name}: at most {most:,} can be made; ask for more campaigns")
    look, noun, aim, place = np.unravel_index(rng.choice(most, count, replace=False), sizes)
    text = np.array(
        [
            " ".join(word for word in (_LOOKS[a], nouns[b], _AIMS[c], places[d]) if word)
            for a, b, c, d in zip(look, noun, aim, place, strict=True)
        ],
        dtype=object,
    )
    match = np.array(_MATCHES, dtype=object)[rng.integers(0, len(_MATCHES), count)]
    first = len(_LOOKS) + len(_AIMS) + len(_PLACES)
    words = np.stack(
        [
            look,
            first + theme * len(nouns) + noun,
            len(_LOOKS) + aim,
            len(_LOOKS) + len(_AIMS) + place,
        ],
        axis=1,
    )
    rank = np.lexsort((match.astype(str), text.astype(str)))
    return AdKeywords(
        campaigns=np.array([name], dtype=object),
        campaign=np.full(count, at, dtype=np.int64),
        keyword=text[rank],
        match_type=match[rank],
        words=words[rank].astype(np.int64),
    )
