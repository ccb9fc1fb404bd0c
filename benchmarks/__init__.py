"""Measurements: every figure that the README and the docs quote comes from here.

``python -m benchmarks [NAME ...] [--smoke] [--out DIR]`` runs the benchmarks named (all where none is) and writes one JSON
file each, with the machine it ran on. ``speed`` compares with other solvers, ``quality`` with other estimators.
"""
