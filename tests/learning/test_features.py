"""Features of options in contexts."""

import numpy as np
import pytest

from pricebid.errors import InputError
from pricebid.learning import Crossed, PerOption, Priced
from pricebid.learning.features import read_context

RNG = np.random.default_rng(0)
MAPS = [
    PerOption(options=4, context=3),
    Crossed(of_options=RNG.standard_normal((5, 2)), context=3),
    Crossed(of_options=RNG.standard_normal((5, 2))),
    Priced(prices=[1.0, 2.0, 3.0], context=2),
]


@pytest.mark.parametrize("features", MAPS, ids=lambda features: type(features).__name__)
def test_features_of_one_option_are_its_row_of_the_features_of_all(features):
    context = RNG.standard_normal((7, features.context))
    option = RNG.integers(features.options, size=7)
    rows = features.of_all(context)
    assert rows.shape == (7, features.options, features.width)
    np.testing.assert_array_equal(features.of(context, option), rows[np.arange(7), option])
    assert features.block.shape == (features.options,)
    assert features.block.max() == features.blocks - 1


def test_crossed_features_are_products():
    features = Crossed(of_options=[[1.0, 2.0]], context=2)
    np.testing.assert_array_equal(features.of_all(np.array([[3.0, 5.0]]))[0, 0], [3.0, 5.0, 6.0, 10.0])


def test_priced_features_end_with_minus_the_price():
    features = Priced(prices=[1.5, 4.0], context=2)
    np.testing.assert_array_equal(features.of_all(np.array([[1.0, 7.0]]))[0], [[1.0, 7.0, -1.5], [1.0, 7.0, -4.0]])


@pytest.mark.parametrize(
    "make",
    [
        lambda: PerOption(options=0, context=1),
        lambda: PerOption(options=2, context=0),
        lambda: Crossed(of_options=[1.0, 2.0]),
        lambda: Crossed(of_options=[[np.nan]]),
        lambda: Crossed(of_options=[[1.0]], context=-1),
        lambda: Priced(prices=[], context=1),
        lambda: Priced(prices=[-1.0], context=1),
        lambda: Priced(prices=[1.0], context=0),
    ],
)
def test_features_that_make_no_sense_are_refused(make):
    with pytest.raises(InputError):
        make()


def test_a_context_that_is_missing_or_does_not_fit_is_refused():
    with pytest.raises(InputError, match="needs a context"):
        read_context(None, 3)
    for context in ([1.0, 2.0], [[1.0, 2.0, 3.0]], [1.0, 2.0, np.nan]):
        with pytest.raises(InputError, match="context"):
            read_context(context, 3)
    assert read_context(None, 0).shape == (1, 0)
    assert read_context(np.ones((4, 3)), 3, choices=4).shape == (4, 3)
    with pytest.raises(InputError, match="context"):
        read_context(np.ones((5, 3)), 3, choices=4)
