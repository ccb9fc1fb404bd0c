"""Tokens say what was decided, and nobody but us can make one."""

from __future__ import annotations

import uuid

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pricebid.errors import InputError
from pricebid.live import ExpiredToken, ForeignToken, ForgedToken, Signer
from pricebid.live.tokens import CODES, LENGTH, MOST_MINOR, MOST_OPTION, Drafts, plan_words

NOW = 1_780_000_000_000_000
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
SIGNER = Signer(shop="north", keys={3: b"three" * 7, 9: b"nine" * 8}, current=9)

plans = st.none() | st.uuids().map(str).filter(lambda text: text != str(uuid.UUID(int=0)))
fields = st.fixed_dictionaries(
    {
        "code": st.integers(0, len(CODES) - 1),
        "plan": plans,
        "offer": st.integers(0, 2**64 - 1),
        "option": st.integers(-1, MOST_OPTION),
        "minor": st.integers(0, MOST_MINOR),
        "propensity": st.floats(0, 1, exclude_min=True),
        "at": st.integers(0, 2**47 * 1000),
        "decimals": st.integers(0, 6),
    }
)


def one(signer=SIGNER, **given_):
    base = {
        "code": 0,
        "plan": None,
        "offer": 5,
        "option": -1,
        "minor": 1299,
        "propensity": 1.0,
        "at": NOW,
        "decimals": 2,
    }
    base |= given_
    base["plan"] = plan_words(base["plan"])
    return signer.sign_one(**base)[0]


@given(fields)
def test_a_token_says_exactly_what_was_signed(told):
    said = SIGNER.verify(one(**told))
    assert (said.kind, said.source) == CODES[told["code"]]
    assert said.at == told["at"] // 1000 * 1000
    for name in ("plan", "offer", "option", "minor", "propensity", "decimals"):
        assert getattr(said, name) == told[name], name


@given(st.lists(fields, min_size=1, max_size=20))
def test_a_batch_says_what_its_decisions_say_one_by_one(many):
    drafts = Drafts(
        code=np.array([told["code"] for told in many], dtype=np.uint64),
        plan=np.array([plan_words(told["plan"]) for told in many], dtype=np.uint64),
        offer=np.array([told["offer"] for told in many], dtype=np.uint64),
        option=np.array([told["option"] for told in many]),
        minor=np.array([told["minor"] for told in many]),
        propensity=np.array([told["propensity"] for told in many]),
        at=NOW,
        decimals=2,
    )
    signed = SIGNER.sign(drafts)
    for told, token in zip(many, signed.tokens, strict=True):
        said = SIGNER.verify(token)
        alone = SIGNER.verify(one(**{**told, "at": NOW, "decimals": 2}))
        for name in ("kind", "source", "plan", "offer", "option", "minor", "propensity", "decimals", "at"):
            assert getattr(said, name) == getattr(alone, name), name
    assert SIGNER.seal(signed.words) == signed.tokens


def test_any_flipped_bit_is_refused():
    token = one(plan=str(uuid.uuid4()), option=4, propensity=0.25)
    for bit in range(LENGTH * 6):
        at, value = bit // 6, ALPHABET.index(token[bit // 6]) ^ 1 << bit % 6
        with pytest.raises((ForgedToken, ForeignToken)):
            SIGNER.verify(token[:at] + ALPHABET[value] + token[at + 1 :])


@given(st.text(max_size=120) | st.text(alphabet=ALPHABET + "+/=", min_size=LENGTH, max_size=LENGTH))
def test_what_we_did_not_make_is_refused(text):
    with pytest.raises((ForgedToken, ForeignToken)):
        SIGNER.verify(text)


def test_a_token_has_one_spelling():
    token = next(token for token in (one(offer=at) for at in range(100)) if "-" in token)
    assert SIGNER.verify(token)
    for other in (token.replace("-", "+"), token + "=", token + "\n", " " + token):
        with pytest.raises(ForgedToken):
            SIGNER.verify(other)


def test_a_token_of_another_shop_is_refused_even_where_the_hints_agree():
    other = Signer(shop="south", keys=SIGNER.keys, current=9)
    with pytest.raises(ForeignToken, match="'south'"):
        other.verify(one())
    object.__setattr__(other, "_hint", SIGNER._hint)
    with pytest.raises(ForgedToken):
        other.verify(one())


def test_old_tokens_are_good_while_their_key_is_kept():
    old = one(Signer(shop="north", keys={3: SIGNER.keys[3]}, current=3))
    assert SIGNER.verify(old).minor == 1299
    with pytest.raises(ForgedToken, match="key is not kept"):
        Signer(shop="north", keys={9: SIGNER.keys[9]}, current=9).verify(old)
    with pytest.raises(ForgedToken, match="signature"):
        Signer(shop="north", keys={3: b"another secret of key 3"}, current=3).verify(old)


def test_a_token_too_old_or_from_the_future_is_refused():
    token = one()
    assert SIGNER.verify(token, now=NOW + 10_000_000, max_age=10_000_000)
    with pytest.raises(ExpiredToken, match="11 s old"):
        SIGNER.verify(token, now=NOW + 11_000_000, max_age=10_000_000)
    with pytest.raises(ExpiredToken, match="in the future"):
        SIGNER.verify(token, now=NOW - 120_000_000)


def test_many_are_verified_without_losing_the_good_for_the_bad():
    found = SIGNER.verify_many([one(minor=1), "nonsense", one(minor=2)])
    assert [getattr(said, "minor", None) for said in found] == [1, None, 2]
    assert isinstance(found[1], ForgedToken)


def test_two_tokens_of_one_decision_differ():
    assert len({one() for _ in range(5_000)}) == 5_000


def test_forked_processes_do_not_share_serials(monkeypatch):
    stock = SIGNER._serial(), SIGNER._pool[0]
    monkeypatch.setattr("os.getpid", lambda: -1)
    SIGNER._serial()
    assert SIGNER._pool[0][1] is not stock[1][1]


@pytest.mark.parametrize(
    ("keys", "current", "message"),
    [({256: b"1" * 32}, 256, "0 to 255"), ({1: b"short"}, 1, "16 bytes"), ({1: b"1" * 32}, 2, "not among")],
)
def test_unsafe_keys_are_refused(keys, current, message):
    with pytest.raises(InputError, match=message):
        Signer(shop="north", keys=keys, current=current)


def test_secrets_are_not_printed():
    assert "nine" not in repr(SIGNER)


def test_a_plan_without_a_uuid_is_refused():
    with pytest.raises(InputError, match="UUID"):
        plan_words("spring plan")
