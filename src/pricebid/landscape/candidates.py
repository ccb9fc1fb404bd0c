"""Keywords that were never bid on, put behind the series of the reports."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pricebid.landscape.words import words_of
from pricebid.tables import KeywordAxis

if TYPE_CHECKING:
    from numpy.typing import NDArray

_DIMENSIONS = ("region", "segment", "device")


def with_candidates(axis: KeywordAxis, candidates: KeywordAxis | None) -> KeywordAxis:
    """Add candidates to an axis: one series for each region, segment and device that their campaign (else any) has.

    A candidate without a campaign joins that of the keyword that shares most words with it. Those that the axis has already
    are left out.
    """
    if candidates is None or not len(candidates):
        return axis
    base = ["campaign", "keyword", "match_type", *(["sku"] if "sku" in axis.columns else [])]
    rows = {
        name: (candidates.label(name) if name in candidates.columns else np.full(len(candidates), "", dtype=object))
        for name in base
    }
    rows["campaign"] = _homes(axis, rows["keyword"], rows["campaign"])
    known = set(zip(*(axis.label(name) for name in base[:3]), strict=True))
    fresh = [key not in known for key in zip(*(rows[name] for name in base[:3]), strict=True)]
    keep = np.flatnonzero(fresh)
    _, first = np.unique(
        [" \x1f".join(map(str, key)) for key in zip(*(rows[name] for name in base), strict=True)], return_index=True
    )
    keep = keep[np.isin(keep, first)]
    if not len(keep):
        return axis
    kept = {name: rows[name][keep] for name in base}
    dims = [name for name in _DIMENSIONS if name in axis.columns]
    if dims:
        kept = _spread(axis, kept, dims)
    labels = tuple(np.concatenate([old, kept[name]]) for name, old in zip(axis.columns, axis.labels, strict=True))
    return KeywordAxis(columns=axis.columns, labels=labels)


def _homes(axis: KeywordAxis, keywords: NDArray[np.object_], campaigns: NDArray[np.object_]) -> NDArray[np.object_]:
    """Campaign of each candidate: the one given, else where a keyword shares most words with it."""
    lost = np.flatnonzero(campaigns == "")
    have = np.unique(axis.label("campaign"))
    if not len(lost) or "" in have:
        return campaigns
    row, word, labels = words_of(np.concatenate([axis.label("keyword"), keywords[lost]]))
    count = len(axis)
    home = np.searchsorted(have, axis.label("campaign"))
    mine = row < count
    shares = np.zeros((len(labels), len(have)))
    np.add.at(shares, (word[mine], home[row[mine]]), 1.0)
    shares /= np.maximum(shares.sum(axis=1, keepdims=True), 1.0)
    votes = np.zeros((len(lost), len(have)))
    np.add.at(votes, row[~mine] - count, shares[word[~mine]])
    sizes = np.bincount(home, minlength=len(have))
    votes += 1e-6 * sizes / sizes.sum()
    out = campaigns.copy()
    out[lost] = have[votes.argmax(axis=1)]
    return out


def _spread(axis: KeywordAxis, kept: dict[str, NDArray[np.object_]], dims: list[str]) -> dict[str, NDArray[np.object_]]:
    """Repeat candidates over the combinations of region, segment and device that their campaign runs in."""
    combination = axis.numbers(dims)
    _, one = np.unique(combination, return_index=True)
    campaign = axis.label("campaign")
    parts = []
    for name in np.unique(kept["campaign"]):
        rows = np.flatnonzero(kept["campaign"] == name)
        used = np.unique(combination[campaign == name])
        at = one[used] if len(used) else one
        each = {key: np.repeat(values[rows], len(at)) for key, values in kept.items()}
        parts.append(each | {dim: np.tile(axis.label(dim)[at], len(rows)) for dim in dims})
    return {key: np.concatenate([part[key] for part in parts]) for key in parts[0]}
