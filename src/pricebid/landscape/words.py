"""Which groups a keyword belongs to: its campaign, match type, words, region, segment and device."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

from pricebid.landscape.pooling import Design

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pricebid.tables import KeywordAxis

_WORD = re.compile(r"[^\W_]+")
_MOST_WORDS = 300  # the commonest; what rarer words do is the keyword's own
_MOST_PAIRS = 100
_MOST_CAMPAIGNS = 200
_DIMENSIONS = ("region", "segment", "device")


def words_of(keywords: NDArray[np.object_]) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.object_]]:
    """Split keywords into words, in small letters, each word of a keyword once.

    Returns
    -------
    row : int64[k]
        Keyword,
    word : int64[k]
        and a word that it contains, as a position in
    labels : object[word]
        the words, sorted.
    """
    distinct, back = np.unique(keywords, return_inverse=True)
    found = [sorted(set(_WORD.findall(text.lower()))) for text in distinct]
    counts = np.array([len(one) for one in found], dtype=np.int64)
    flat = np.array([word for one in found for word in one], dtype=object)
    labels, code = np.unique(flat, return_inverse=True) if len(flat) else (flat, np.empty(0, dtype=np.int64))
    starts = np.concatenate(([0], np.cumsum(counts)))
    mine = counts[back]
    row = np.repeat(np.arange(len(keywords)), mine)
    within = np.arange(int(mine.sum())) - np.repeat(np.cumsum(mine) - mine, mine)
    return row, code[np.repeat(starts[back], mine) + within], labels


def design_of(axis: KeywordAxis, *, intercept_pooled: bool = False, words: bool = True) -> Design:
    """Lay out the groups of all series of an axis.

    Parameters
    ----------
    axis : KeywordAxis
        The series.
    intercept_pooled : bool
        The common effect is believed to be small, instead of being free.
    words : bool
        False: campaigns only.

    Returns
    -------
    Design
    """
    count = len(axis)
    entity = axis.numbers()
    blocks = [np.zeros(count, dtype=np.int64), _common(axis.numbers(("campaign",)), entity, _MOST_CAMPAIGNS)]
    if words:
        blocks.append(_common(axis.numbers(("match_type",)), entity, _MOST_PAIRS))
        for name in _DIMENSIONS:
            if name in axis.columns:
                blocks.append(_common(axis.numbers((name,)), entity, _MOST_PAIRS))
                blocks.append(_common(axis.numbers(("campaign", name)), entity, _MOST_PAIRS))
    rows = [np.flatnonzero(block >= 0) for block in blocks]
    codes = [block[block >= 0] for block in blocks]
    if words:
        row, word = _frequent(axis, entity)
        rows.append(row)
        codes.append(word)
    sizes = [int(code.max(initial=-1)) + 1 for code in codes]
    starts = np.concatenate(([0], np.cumsum(sizes)))
    column = np.concatenate([code + begin for code, begin in zip(codes, starts, strict=False)])
    row = np.concatenate(rows)
    return Design(
        matrix=sparse.csr_array((np.ones(len(row)), (row, column)), shape=(count, int(starts[-1]))),
        kind=np.repeat(np.arange(len(sizes)), sizes),
        pooled=np.array([intercept_pooled] + [True] * (len(sizes) - 1)),
        cluster=entity,
    )


def with_columns(design: Design, columns: NDArray[np.float64]) -> Design:
    """Add covariates, float64[series, column], each an effect of its own kind."""
    extra = columns.shape[1]
    kinds = len(design.pooled)
    return replace(
        design,
        matrix=sparse.csr_array(sparse.hstack([design.matrix, sparse.csr_array(columns)])),
        kind=np.concatenate([design.kind, kinds + np.arange(extra)]),
        pooled=np.concatenate([design.pooled, np.ones(extra, dtype=bool)]),
    )


def _common(code: NDArray[np.int64], entity: NDArray[np.int64], most: int) -> NDArray[np.int64]:
    """Number the groups that hold some but not all of the keywords, the largest if there are too many; -1: none, int64[series]."""
    groups = int(code.max()) + 1
    pairs = np.unique(code * (int(entity.max()) + 1) + entity)
    size = np.bincount(pairs // (int(entity.max()) + 1), minlength=groups)
    order = np.argsort(-size, kind="stable")[:most]
    keep = order[size[order] >= 2] if groups > 1 else order[:0]
    number = np.full(groups, -1)
    number[np.sort(keep)] = np.arange(len(keep))
    return number[code]


def _frequent(axis: KeywordAxis, entity: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    row, word, labels = words_of(axis.label("keyword"))
    if not len(row):
        return row, word
    pairs = np.unique(word * (int(entity.max()) + 1) + entity[row])
    size = np.bincount(pairs // (int(entity.max()) + 1), minlength=len(labels))
    order = np.argsort(-size, kind="stable")[:_MOST_WORDS]
    keep = np.sort(order[(size[order] >= 2) & (size[order] <= int(entity.max()))])
    number = np.full(len(labels), -1)
    number[keep] = np.arange(len(keep))
    kept = number[word] >= 0
    return row[kept], number[word][kept]
