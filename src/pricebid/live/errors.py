"""What can be wrong with a decision token.

TokenError(InputError)
├── ForgedToken     not one of ours: damaged, made up, or signed with a key that is not kept any more
├── ForeignToken    made for another shop
└── ExpiredToken    made too long ago, or in the future
"""

from __future__ import annotations

from pricebid.errors import InputError


class TokenError(InputError):
    """A decision token that cannot be credited."""


class ForgedToken(TokenError):  # noqa: N818 - what it is, as `Infeasible`
    """The token is damaged, made up, or signed with a key that is not kept any more."""


class ForeignToken(TokenError):  # noqa: N818
    """The token was made for another shop."""


class ExpiredToken(TokenError):  # noqa: N818
    """The token was made too long ago, or in the future."""
