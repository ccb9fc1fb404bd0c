"""Sales history to a demand model: forecast, price response, cross effects, uncertainty."""

from pricebid.demand.attraction import AttractionResponse
from pricebid.demand.backtest import BacktestResult, Origin, backtest
from pricebid.demand.calibration import Calibration
from pricebid.demand.fit import fit
from pricebid.demand.model import DemandModel, Elasticities, Forecast
from pricebid.demand.response import LogitResponse, LogLinearResponse, PriceResponse
from pricebid.demand.saving import check_fits, digest, load, save
from pricebid.demand.scores import Score

__all__ = [
    "AttractionResponse",
    "BacktestResult",
    "Calibration",
    "DemandModel",
    "Elasticities",
    "Forecast",
    "LogLinearResponse",
    "LogitResponse",
    "Origin",
    "PriceResponse",
    "Score",
    "backtest",
    "check_fits",
    "digest",
    "fit",
    "load",
    "save",
]
