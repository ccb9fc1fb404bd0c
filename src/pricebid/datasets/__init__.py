"""Shops that ship with the package: real orange-juice sales, and a template to fill."""

from pricebid.datasets.shops import orange_juice_path, template_path, write_template

__all__ = ["orange_juice_path", "template_path", "write_template"]
