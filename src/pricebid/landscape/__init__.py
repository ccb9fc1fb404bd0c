"""Ad reports in, bid landscapes out: what each bid would win and cost, how sure that is, and who earned a conversion."""

from pricebid.landscape.fit import fit_landscape
from pricebid.landscape.model import BidLandscape, Observed
from pricebid.landscape.outcomes import BidOutcomes

__all__ = ["BidLandscape", "BidOutcomes", "Observed", "fit_landscape"]
