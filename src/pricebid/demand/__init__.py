"""Sales history to a demand model: forecast, price response, cross effects, uncertainty."""

from pricebid.demand.fit import fit
from pricebid.demand.model import Calibration, DemandModel, Elasticities, Forecast
from pricebid.demand.response import LogitResponse, LogLinearResponse, PriceResponse

__all__ = [
    "Calibration",
    "DemandModel",
    "Elasticities",
    "Forecast",
    "LogLinearResponse",
    "LogitResponse",
    "PriceResponse",
    "fit",
]
