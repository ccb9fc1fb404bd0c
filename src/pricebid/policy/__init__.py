"""The policy file as frozen values: what to aim at, and what must hold; and the scenario file of a what-if."""

from pricebid.policy.keys import PolicyFault
from pricebid.policy.scenario import Change, Scenario
from pricebid.policy.text import nearest
from pricebid.policy.values import (
    Bids,
    Channels,
    Dayparts,
    Learning,
    Market,
    Objective,
    Order,
    Policy,
    Portfolio,
    PriceRules,
    Rule,
)

__all__ = [
    "Bids",
    "Change",
    "Channels",
    "Dayparts",
    "Learning",
    "Market",
    "Objective",
    "Order",
    "Policy",
    "PolicyFault",
    "Portfolio",
    "PriceRules",
    "Rule",
    "Scenario",
    "nearest",
]
