"""Which offers a keyword's buyers buy, and what their prices do to its conversions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

from pricebid.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pricebid.tables import KeywordAxis, Offers


@dataclass(frozen=True, kw_only=True, eq=False)
class Link:
    """How the conversions of each series fall on offers.

    Parameters
    ----------
    share : sparse float64[series, offer]
        Rows of linked series sum to 1, others are empty.
    """

    share: sparse.csr_matrix

    @property
    def linked(self) -> NDArray[np.bool_]:
        """Series that lead to an offer of the shop, bool[series]."""
        return np.asarray(np.diff(self.share.indptr) > 0)

    def over_offers(self, value: NDArray[np.float64], *, other: float) -> NDArray[np.float64]:
        """Average a value of offers, float64[offer], for each series, float64[series]; `other` where not linked."""
        return np.where(self.linked, self.share @ value, other)

    def to_offers(self, conversions: NDArray[np.float64]) -> NDArray[np.float64]:
        """Spread conversions of series, float64[series], over offers, float64[offer]."""
        return np.asarray(self.share.T @ conversions, dtype=np.float64)


def link(keywords: KeywordAxis, offers: Offers, units: NDArray[np.float64]) -> Link:
    """Lead each series to the offers of its sku: those of its region, or of all regions by their units.

    Parameters
    ----------
    keywords : KeywordAxis
        The series; ``sku`` says what they lead to, ``region`` (where given) who buys.
    offers : Offers
        The offers of the shop.
    units : float64[offer]
        Expected units at current prices; what the sales of a sku are shared out by.

    Raises
    ------
    InputError
        No series leads to an offer: prices and bids then have nothing in common.
    """
    if "sku" not in keywords.columns:
        raise InputError("keywords has no column sku: without it no price knows of an ad; plan prices and bids apart")
    sku, region = keywords.label("sku"), np.full(len(keywords), "", dtype=object)
    if "region" in keywords.columns:
        region = keywords.label("region")
    at, offer = _pairs(sku, offers.sku)
    same = (region[at] == "") | (region[at] == offers.region[offer])
    # A region of the ads that the shop does not sell in by that name still sells the sku somewhere.
    known = np.bincount(at[same], minlength=len(sku)) > 0
    keep = same | ~known[at]
    at, offer = at[keep], offer[keep]
    if not len(at):
        raise InputError(f"no sku of keywords is sold: {sorted(set(sku))[:3]} are not in sales, catalog or offers")
    weight = np.maximum(units[offer], 1e-12)
    total = np.bincount(at, weight, minlength=len(sku))
    share = sparse.csr_matrix((weight / total[at], (at, offer)), shape=(len(sku), len(offers)))
    return Link(share=share)


def _pairs(left: NDArray[np.object_], right: NDArray[np.object_]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the places of equal labels, int64[pair] each."""
    labels, code = np.unique(np.concatenate([left, right]).astype(str), return_inverse=True)
    one, two = code[: len(left)], code[len(left) :]
    order = np.argsort(two, kind="stable")
    first = np.searchsorted(two[order], np.arange(len(labels)))
    count = np.bincount(two, minlength=len(labels))
    rows = np.repeat(np.arange(len(one)), count[one])
    inside = np.arange(len(rows)) - np.repeat(np.cumsum(count[one]) - count[one], count[one])
    return rows, order[first[one[rows]] + inside]
