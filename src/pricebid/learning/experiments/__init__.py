"""A/B/n experiments: fixed-horizon and always-valid readouts, planning, switchbacks."""

from pricebid.learning.experiments.plan import ExperimentPlan, plan_experiment, switchback_power
from pricebid.learning.experiments.power import Baseline, Need, crossing, needs
from pricebid.learning.experiments.read import read_experiment
from pricebid.learning.experiments.readout import Decision, Readout
from pricebid.learning.experiments.settings import ExperimentSettings
from pricebid.learning.experiments.switchback import Schedule, make_schedule

__all__ = [
    "Baseline",
    "Decision",
    "ExperimentPlan",
    "ExperimentSettings",
    "Need",
    "Readout",
    "Schedule",
    "crossing",
    "make_schedule",
    "needs",
    "plan_experiment",
    "read_experiment",
    "switchback_power",
]
