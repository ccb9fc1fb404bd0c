"""The HTTP service (to come): `pricebid serve` starts it."""
