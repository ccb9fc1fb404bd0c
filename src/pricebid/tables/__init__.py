"""The shop folder: reading, checking, and the frozen arrays that come out."""

from pricebid.tables.ads import Campaigns, Development, KeywordAxis, KeywordReports
from pricebid.tables.arrays import Competitors, Events, Frequency, Future, History, Offers
from pricebid.tables.period import Period, infer_period
from pricebid.tables.settings import Settings
from pricebid.tables.shop import Report, Shop
from pricebid.tables.table import Table, Text
from pricebid.tables.write import write_files, write_results

__all__ = [
    "Campaigns",
    "Competitors",
    "Development",
    "Events",
    "Frequency",
    "Future",
    "History",
    "KeywordAxis",
    "KeywordReports",
    "Offers",
    "Period",
    "Report",
    "Settings",
    "Shop",
    "Table",
    "Text",
    "infer_period",
    "write_files",
    "write_results",
]
