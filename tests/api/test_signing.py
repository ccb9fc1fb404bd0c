"""Secrets of decision ids are changed while feedback is under way."""

import hashlib

import numpy as np
import pytest
from tests.api.harness import load, serving
from tests.api.test_quotes import FEEDBACK, QUOTES

from pricebid import store
from pricebid.errors import InputError
from pricebid.live.errors import ForgedToken
from pricebid.live.tokens import Drafts, Signer
from pricebid_api.signing import BEFORE, NOW, Secrets, signers

A, B, C = (letter * 40 for letter in "abc")


def signer(db, now=None, *before):
    given = {NOW: now or "", BEFORE: ", ".join(before)}
    return signers(db, Secrets.from_environment(given))("corner")


def signed(by):
    one = np.ones(1, dtype=np.int64)
    drafts = Drafts(
        code=np.zeros(1, dtype=np.uint64),
        plan=np.zeros((1, 2), dtype=np.uint64),
        offer=one.astype(np.uint64),
        option=-one,
        minor=499 * one,
        propensity=np.ones(1),
        at=1_700_000_000_000_000,
        decimals=2,
    )
    return by.sign(drafts).tokens[0]


def test_ids_are_verified_wherever_their_secret_stands(db):
    of_store, first, second = (signed(signer(db, secret)) for secret in (None, A, B))
    for now, before in ((C, (B, A)), (C, (A, B)), (A, (B,)), (B, (C, A)), (None, (A, B))):
        found = signer(db, now, *before)
        assert [found.verify(token).amount for token in (of_store, first, second)] == [4.99] * 3
    assert signer(db, None, A).current == 0, "the store's own signs where no other is given"
    with pytest.raises(ForgedToken, match="not kept"):
        signer(db, C, B).verify(first)


def test_ids_of_before_secrets_had_numbers_are_verified(db):
    old = signed(Signer(shop="corner", keys={1: hashlib.sha256(A.encode()).digest()}, current=1))
    assert signer(db, A).verify(old).amount == 4.99
    assert signer(db, B, A).verify(old).amount == 4.99


def test_the_log_gives_back_the_ids_that_another_secret_signed(db):
    words = np.frombuffer(b"".join(signer(db, A).sign_one(
        code=0, plan=(0, 0), offer=1, option=-1, minor=499, propensity=1.0, at=1_700_000_000_000_000, decimals=2
    )[1:]), dtype="<u8").reshape(1, 7)  # fmt: skip
    assert signer(db, B, A).seal(words) == signer(db, A).seal(words)


def old_id(secret):
    """Give an id of before secrets were checked: under the number that all had, by the text as the environment gave it."""
    return signed(Signer(shop="corner", keys={1: hashlib.sha256(secret.encode()).digest()}, current=1))


@pytest.mark.parametrize("raw", [A + "\n", f" {A}", f"{A}\r\n"])
def test_blanks_around_a_secret_of_a_file_count_no_more_and_its_ids_stay_valid(db, raw):
    told, plain = signer(db, raw), signer(db, A)
    assert plain.verify(signed(told)).amount == 4.99, "one secret, with its line's end or without"
    assert told.verify(signed(plain)).amount == 4.99
    assert told.verify(old_id(raw)).amount == 4.99
    assert told.verify(old_id(A)).amount == 4.99
    assert signer(db, B, raw).verify(old_id(raw.lstrip())).amount == 4.99


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_secret_that_once_ended_with_its_line_is_named_without_it(db, end):
    assert signer(db, B, C, A).verify(old_id(A + end)).amount == 4.99
    assert signer(db, A).verify(old_id(A + end)).amount == 4.99


def test_a_weak_secret_of_before_is_taken_verifies_and_never_signs(db, caplog):
    found = signer(db, A, "hunter2")
    assert found.verify(old_id("hunter2")).amount == 4.99
    assert signer(db, None, "hunter2").current == 0, "the store's own signs"
    (first, *_) = caplog.records
    assert (first.levelname, "PRICEBID_SECRET_BEFORE" in first.message, "hunter2" in caplog.text) == (
        "WARNING",
        True,
        False,
    )
    with pytest.raises(ForgedToken):
        found.verify(old_id("hunter3"))


def test_strong_secrets_of_before_are_taken_without_a_word(db, caplog):
    signer(db, A, B)
    assert not caplog.records


def test_a_secret_of_nothing_but_blanks_is_none(db):
    assert signer(db, " \n").current == 0


@pytest.mark.parametrize(
    ("now", "before", "said"),
    [
        ("short", "", "PRICEBID_SECRET: .* at least 32"),
        ("short", "", "one that was in use goes to PRICEBID_SECRET_BEFORE"),
        (A + "," + B, "", "without commas"),
        (A + " x", "", "without commas and spaces"),
        (A, A, "named twice"),
        (A, f"{B},{B}", "named twice"),
    ],
)
def test_secrets_that_will_not_do_are_refused_and_not_repeated(tmp_path, monkeypatch, now, before, said):
    monkeypatch.setenv(NOW, now)
    monkeypatch.setenv(BEFORE, before)
    with pytest.raises(InputError, match=said) as caught, serving(tmp_path):
        pass
    assert not any(one in str(caught.value) for one in (A, B, "short,"))


def test_secrets_with_one_number_are_refused():
    seen = {}
    for at in range(400):
        secret = f"{at:040}"
        (number,) = set(Secrets.from_environment({NOW: secret}).keys) - {1}
        if number in seen:
            break
        seen[number] = secret
    assert set(seen) <= set(range(2, 256)), "0 is the store's, 1 what all had before"
    with pytest.raises(InputError, match="same key number"):
        Secrets.from_environment({NOW: secret, BEFORE: seen[number]})


def test_feedback_under_way_is_credited_after_a_rotation(tmp_path, monkeypatch):
    """The walk of docs/production.md: the old secret is named beside the new one for as long as feedback may come."""
    given = []
    for now, before in ((None, None), (A, None), (B, A), (C, f"{B},{A}")):
        for name, value in ((NOW, now), (BEFORE, before)):
            monkeypatch.setenv(name, value) if value else monkeypatch.delenv(name, raising=False)
        with serving(tmp_path) as client:
            load(client)
            item = client.post(QUOTES, json={"items": [{"sku": "tea", "region": "north"}]}).json()["items"][0]
            given.append(item["decision_id"])
            events = [
                {"event_id": f"{len(given)}-{at}", "decision_id": one, "units": 1} for at, one in enumerate(given)
            ]
            told = client.post(FEEDBACK, json={"events": events}).json()
            assert (told["accepted"], told.get("errors") or []) == (len(given), [])
    monkeypatch.setenv(BEFORE, "")
    with serving(tmp_path) as client:
        late = [{"event_id": "late", "decision_id": given[1], "units": 1}]
        assert client.post(FEEDBACK, json={"events": late}).json()["accepted"] == 0
    db = store.open_store(tmp_path)
    assert store.count_feedback(db, "corner") == 1 + 2 + 3 + 4
    db.close()
