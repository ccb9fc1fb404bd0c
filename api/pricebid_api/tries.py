"""What is worked out upon what was seen is worked out again where that was changed meanwhile, but not for ever."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pricebid.errors import PricebidError


class Tries:
    """How often something may be tried.

    Parameters
    ----------
    most : int
        At least 1.
    """

    def __init__(self, most: int) -> None:
        self._left = most

    def again(self, error: PricebidError) -> None:
        """Count a try that failed; raises its error where it was the last."""
        self._left -= 1
        if self._left < 1:
            raise error
