# case mean 3.0 of tests/demand/test_elasticities.py::test_stock_outs_are_not_taken_for_weak_demand: add 3.0 to its parameters
