"""Tidy tables in the shop's own keys, as the commands write them; pandas is imported when one is made."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from pricebid.demand import DemandModel, Elasticities, Forecast

Keys = dict[str, "NDArray[np.object_]"]


def keys_of(model: DemandModel) -> Keys:
    """Give the key columns of a model's offers, object[offer] by name."""
    return dict(zip(model.columns, model.labels, strict=True))


def forecast_frame(model: DemandModel, forecast: Forecast) -> pd.DataFrame:
    """Give the table ``forecast``: date, keys, units (mean), p10, p50, p90, price; one row per offer and period."""
    import pandas as pd

    offers, steps = forecast.mean.shape
    keys = {name: np.repeat(labels, steps) for name, labels in keys_of(model).items()}
    values = {name: getattr(forecast, name).ravel() for name in ("mean", "p10", "p50", "p90", "price")}
    # pandas has no unit of days; the writer turns midnights back into dates.
    dates = np.tile(forecast.periods, offers).astype("datetime64[s]")
    return pd.DataFrame({"date": dates, **keys, **values}).rename(columns={"mean": "units"})


def elasticity_frame(model: DemandModel, elasticities: Elasticities) -> pd.DataFrame:
    """Give the table ``elasticities``: keys, own, own_low, own_high; one row per offer."""
    import pandas as pd

    values = {name: getattr(elasticities, name) for name in ("own", "own_low", "own_high")}
    return pd.DataFrame({**keys_of(model), **values})


def cross_frame(model: DemandModel, elasticities: Elasticities) -> pd.DataFrame:
    """Give the table ``cross``: sku, of_sku, the other keys, value; one row per pair of offers that compete."""
    import pandas as pd

    keys = keys_of(model)
    sku = keys.pop("sku")
    others = {name: labels[elasticities.offer] for name, labels in keys.items()}
    return pd.DataFrame(
        {"sku": sku[elasticities.offer], "of_sku": sku[elasticities.of_offer], **others, "value": elasticities.value}
    )
