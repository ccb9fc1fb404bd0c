"""Where an offer stands: as one row of a shop, or as one sku of a group whose offers compete."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True)
class Layout:
    """Maps between ``[..., offer]`` (sorted by sku, then region) and ``[..., group, sku]`` (group = category x region).

    Parameters
    ----------
    categories, skus, regions : int
        Categories, skus in each, regions.
    """

    categories: int
    skus: int
    regions: int

    def __len__(self) -> int:
        return self.categories * self.skus * self.regions

    @property
    def groups(self) -> int:
        """Number of groups."""
        return self.categories * self.regions

    def grouped(self, offers: NDArray[np.float64]) -> NDArray[np.float64]:
        """Rearrange ``[..., offer]`` as ``[..., group, sku]``."""
        cube = offers.reshape(*offers.shape[:-1], self.categories, self.skus, self.regions)
        return np.swapaxes(cube, -1, -2).reshape(*offers.shape[:-1], self.groups, self.skus)

    def flat(self, grouped: NDArray[np.float64]) -> NDArray[np.float64]:
        """Rearrange ``[..., group, sku]`` as ``[..., offer]``."""
        cube = grouped.reshape(*grouped.shape[:-2], self.categories, self.regions, self.skus)
        return np.swapaxes(cube, -1, -2).reshape(*grouped.shape[:-2], len(self))

    def by_sku(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Repeat a value per sku, ``[..., category * sku]``, over the regions, as ``[..., group, sku]``."""
        return self.grouped(np.repeat(values, self.regions, axis=-1))

    def by_category(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Repeat a value per category, ``[..., category]``, over regions and skus, as ``[..., group, 1]``."""
        return np.repeat(values, self.regions, axis=-1)[..., None]

    def labels(self) -> tuple[NDArray[np.object_], NDArray[np.object_], NDArray[np.object_]]:
        """Give sku, region and category of each offer, object[offer] each."""
        offer = np.arange(len(self))
        number, region = np.divmod(offer, self.regions)
        category, sku = np.divmod(number, self.skus)

        def names(pattern: str, *parts: NDArray[np.int64]) -> NDArray[np.object_]:
            return np.array([pattern.format(*row) for row in zip(*parts, strict=True)], dtype=object)

        return (
            names("c{:03d}-s{:03d}", category + 1, sku + 1),
            names("r{:03d}", region + 1),
            names("c{:03d}", category + 1),
        )
