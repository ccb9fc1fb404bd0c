import base64
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pricebid.errors import InputError
from pricebid.store.paging import page_of, place_of

WORDS = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=3)  # what both databases hold


@settings(max_examples=50, deadline=None)
@given(rows=st.lists(st.tuples(st.integers(-5, 5), WORDS), unique=True), limit=st.integers(1, 7))
def test_pages_hold_every_row_once_in_order(rows, limit):
    ordered, seen, after = sorted(rows), [], None
    while True:
        rest = [row for row in ordered if after is None or row > after]
        page = page_of(rest[: limit + 1], limit, lambda row: row)
        seen += page.items
        if page.cursor is None:
            break
        after = place_of(page.cursor, int, str)
    assert seen == ordered


def forged(*parts):
    return base64.urlsafe_b64encode(json.dumps(parts).encode()).decode()


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "nonsense",
        "é",
        forged(),
        forged("a", 1),
        forged(1),
        forged(True, "a"),
        forged(2**63, "a"),
        forged(1, "a\x00b"),
        forged(1, "\ud800"),
        forged(1.5, "a"),
        "[" * 100_000,
        base64.urlsafe_b64encode(b"[" * 100_000).decode(),
    ],
)
def test_what_is_no_cursor_is_refused(cursor):
    with pytest.raises(InputError, match="is no cursor of this list"):
        place_of(cursor, int, str)
