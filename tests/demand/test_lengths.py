from collections.abc import Callable

import numpy as np
import pytest

from pricebid.demand import fit


@pytest.mark.parametrize(("frequency", "periods"), [("week", 65), ("week", 74), ("month", 16), ("month", 20)])
def test_histories_of_little_more_than_a_year_can_be_fitted(world: Callable, frequency: str, periods: int) -> None:
    """The blocks held out for calibration leave less than the year that yearly waves need."""
    shop = world(skus=2, regions=2, periods=periods, horizon=4, frequency=frequency)
    assert np.isfinite(fit(shop.history).forecast(shop.future).mean).all()
