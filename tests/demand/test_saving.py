"""Saved models come back bit for bit, and damage is told."""

import json
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pricebid.demand import DemandModel, backtest, check_fits, fit, load, save
from pricebid.demand.packing import Packed, pack, settle, unpack
from pricebid.errors import ModelError
from pricebid.tables.arrays import Events


@pytest.fixture(scope="module")
def shop(world: Callable) -> object:
    return world(skus=3, regions=2, periods=40, horizon=4, lift=0.5)


@pytest.fixture(scope="module")
def model(shop: object) -> DemandModel:
    return fit(shop.history)


@pytest.fixture
def saved(model: DemandModel, tmp_path: Path) -> Path:
    save(model, tmp_path / "model")
    return tmp_path / "model"


def leaves(value: object) -> dict[str, np.ndarray]:
    return pack(value).arrays


def test_everything_comes_back_bit_for_bit(model: DemandModel, saved: Path) -> None:
    again = load(saved)
    before, after = leaves(model), leaves(again)
    assert before.keys() == after.keys()
    for name, array in before.items():
        assert array.dtype == after[name].dtype, name
        np.testing.assert_array_equal(array, after[name], err_msg=name)
    assert pack(again).shape == pack(model).shape


def test_the_forecast_is_bit_identical_and_so_are_elasticities_and_response(
    shop: object, model: DemandModel, saved: Path
) -> None:
    again = load(saved)
    one, two = model.forecast(shop.future), again.forecast(shop.future)
    for name in ("mean", "p10", "p50", "p90", "price"):
        np.testing.assert_array_equal(getattr(one, name), getattr(two, name))
    np.testing.assert_array_equal(model.elasticities().own, again.elasticities().own)
    price = shop.future.price[:, 0] * 1.05
    np.testing.assert_array_equal(model.response(shop.future).units(price), again.response(shop.future).units(price))


def test_the_same_model_gives_the_same_bytes(saved: Path, tmp_path: Path) -> None:
    save(load(saved), tmp_path / "twin")
    for name in ("params.npz", "meta.json", "card.md"):
        assert (saved / name).read_bytes() == (tmp_path / "twin" / name).read_bytes(), name


def test_nothing_is_pickled(saved: Path) -> None:
    with np.load(saved / "params.npz", allow_pickle=False) as stored:
        assert all(stored[name].dtype != object for name in stored.files)


def test_loaded_arrays_are_read_only(saved: Path) -> None:
    with pytest.raises(ValueError, match="read-only"):
        load(saved).slopes.mean[0] = 0.0


def test_the_card_says_span_accuracy_elasticities_and_limits(shop: object, model: DemandModel, tmp_path: Path) -> None:
    result = backtest(shop.history, horizon=3, origins=2)
    save(model, tmp_path / "model", metrics=result)
    card = (tmp_path / "model" / "card.md").read_text()
    for words in (
        "6 offers",
        "2021-01-04 to 2021-10-04",
        "Drivers: promo",
        "| pricebid |",
        "| naive |",
        "## Limits of use",
    ):
        assert words in card
    assert f"{model.elasticities().own.mean():.2f}" in card
    meta = json.loads((tmp_path / "model" / "meta.json").read_text())
    assert meta["metrics"][0]["wape"] == result.scores[0].wape
    assert (meta["keys"], meta["frequency"], meta["offers"]) == (["sku", "region"], "week", 6)


def rewrite(path: Path, change: Callable[[dict], None], *, sign: bool) -> None:
    """Change meta.json, with or without a digest that agrees."""
    from pricebid.demand.saving import _digest

    meta = json.loads(path.read_text())
    change(meta)
    if sign:
        meta.pop("meta_sha256")
        meta["meta_sha256"] = _digest(meta)
    path.write_text(json.dumps(meta))


@pytest.mark.parametrize("name", ["params.npz", "meta.json"])
def test_a_missing_file_is_named(saved: Path, name: str) -> None:
    (saved / name).unlink()
    with pytest.raises(ModelError, match=name):
        load(saved)


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="nowhere"):
        load(tmp_path / "nowhere")


@pytest.mark.parametrize("name", ["params.npz", "meta.json"])
@pytest.mark.parametrize("where", [0.02, 0.4, 0.6, 0.97])
def test_one_changed_byte_is_noticed(saved: Path, name: str, where: float) -> None:
    raw = bytearray((saved / name).read_bytes())
    raw[int(where * len(raw))] ^= 1
    (saved / name).write_bytes(raw)
    with pytest.raises(ModelError, match=name):
        load(saved)


@pytest.mark.parametrize("share", [0.0, 0.5, 0.99])
@pytest.mark.parametrize("name", ["params.npz", "meta.json"])
def test_a_cut_off_file_is_noticed(saved: Path, name: str, share: float) -> None:
    raw = (saved / name).read_bytes()
    (saved / name).write_bytes(raw[: int(share * len(raw))])
    with pytest.raises(ModelError, match=name):
        load(saved)


def test_another_format_says_to_fit_again(saved: Path) -> None:
    rewrite(saved / "meta.json", lambda meta: meta.update(format=99), sign=True)
    with pytest.raises(ModelError, match=r"format 99.*fit again"):
        load(saved)


def test_numbers_of_another_model_are_noticed(saved: Path, world: Callable, tmp_path: Path) -> None:
    other = fit(world(skus=4, regions=2, periods=40, horizon=4, lift=0.5).history)
    save(other, tmp_path / "other")
    (saved / "params.npz").write_bytes((tmp_path / "other" / "params.npz").read_bytes())
    with pytest.raises(ModelError, match="damaged"):
        load(saved)


def repack(folder: Path, change: Callable[[dict[str, np.ndarray]], None]) -> None:
    """Change the arrays and sign them anew, as a forger or a faulty writer would."""
    import hashlib

    with np.load(folder / "params.npz") as stored:
        arrays = {name: stored[name] for name in stored.files}
    change(arrays)
    np.savez(folder / "params.npz", **arrays)
    digest = hashlib.sha256((folder / "params.npz").read_bytes()).hexdigest()
    rewrite(folder / "meta.json", lambda meta: meta.update(params_sha256=digest), sign=True)


def test_numbers_that_are_not_finite_are_refused_by_name(saved: Path) -> None:
    repack(saved, lambda arrays: arrays["slopes.mean"].__setitem__((0, 0), np.nan))
    with pytest.raises(ModelError, match=r"slopes\.mean: 1 numbers"):
        load(saved)


def test_arrays_of_another_shape_are_refused_by_name(saved: Path) -> None:
    repack(saved, lambda arrays: arrays.update({"recipe.weight": arrays["recipe.weight"][:-1]}))
    with pytest.raises(ModelError, match=r"recipe\.weight"):
        load(saved)


def test_an_absent_array_is_refused_by_name(saved: Path) -> None:
    repack(saved, lambda arrays: arrays.pop("movement.sigma2"))
    with pytest.raises(ModelError, match=r"movement\.sigma2 is nothing"):
        load(saved)


def test_pickled_objects_are_never_read(saved: Path) -> None:
    repack(saved, lambda arrays: arrays.update({"recipe.weight": np.array([{}], dtype=object)}))
    with pytest.raises(ModelError, match="cannot be read"):
        load(saved)


def test_a_model_that_is_not_finite_is_not_saved(model: DemandModel, tmp_path: Path) -> None:
    slopes = replace(model.slopes, mean=np.full_like(model.slopes.mean, np.inf))
    with pytest.raises(ModelError, match=r"slopes\.mean"):
        save(replace(model, slopes=slopes), tmp_path / "model")
    assert not (tmp_path / "model").exists()


def test_a_part_from_outside_the_package_is_neither_saved_nor_loaded(saved: Path) -> None:
    with pytest.raises(ModelError, match="cannot be saved"):
        pack({"a": 1})
    with pytest.raises(ModelError, match="does not know"):
        unpack(Packed(shape={"kind": "subprocess:Popen", "fields": {}}, arrays={}))
    rewrite(saved / "meta.json", lambda meta: meta["model"].update(kind="pricebid.demand.model:Nothing"), sign=True)
    with pytest.raises(ModelError, match="Nothing"):
        load(saved)


def test_fields_of_another_version_are_named(saved: Path) -> None:
    def rename(meta: dict) -> None:
        fields = meta["model"]["fields"]
        fields["units_are_whole"] = fields.pop("whole")

    rewrite(saved / "meta.json", rename, sign=True)
    with pytest.raises(ModelError, match=r"unknown units_are_whole; missing whole"):
        load(saved)


def test_labels_in_any_script_come_back(model: DemandModel, tmp_path: Path) -> None:
    labels = tuple(np.array([f"čaj 茶 🍵 {i}|\n" for i in range(len(column))], dtype=object) for column in model.labels)
    save(replace(model, labels=labels), tmp_path / "model")
    for one, two in zip(labels, load(tmp_path / "model").labels, strict=True):
        assert two.dtype == object
        assert one.tolist() == two.tolist()


def test_a_label_that_would_not_come_back_is_refused(model: DemandModel, tmp_path: Path) -> None:
    labels = (*model.labels[:-1], np.array(["a\0"] * len(model.labels[0]), dtype=object))
    with pytest.raises(ModelError, match="null character"):
        save(replace(model, labels=labels), tmp_path / "model")


def test_saving_over_a_model_replaces_it_whole(model: DemandModel, saved: Path) -> None:
    save(replace(model, whole=not model.whole), saved)
    assert load(saved).whole is not model.whole
    assert sorted(path.name for path in saved.iterdir()) == ["card.md", "meta.json", "params.npz"]
    assert zipfile.is_zipfile(saved / "params.npz")


def test_a_settled_value_is_equal_in_order_and_read_only(model: DemandModel) -> None:
    settled = settle(model)
    for name, array in leaves(settled).items():
        np.testing.assert_array_equal(array, leaves(model)[name])
    assert settled.slopes.mean.flags.c_contiguous
    assert not settled.slopes.mean.flags.writeable


def test_a_model_fits_the_shop_that_it_was_fitted_to(shop: object, model: DemandModel) -> None:
    assert check_fits(model, shop.history) is model


def test_other_offers_are_named(shop: object, model: DemandModel) -> None:
    offers = shop.history.offers
    sku = offers.sku.copy()
    sku[-1] = "novelty"
    other = replace(shop.history, offers=replace(offers, labels=(sku, offers.region)))
    with pytest.raises(ModelError, match=r"1 of the shop's offers are not in the model \(novelty r1\).*\(s002 r1\)"):
        check_fits(model, other)


def test_another_order_is_told(shop: object, model: DemandModel) -> None:
    offers = shop.history.offers
    other = replace(shop.history, offers=replace(offers, labels=(offers.sku[::-1], offers.region[::-1])))
    with pytest.raises(ModelError, match="another order"):
        check_fits(model, other)


def test_other_keys_periods_drivers_and_events_are_told(shop: object, model: DemandModel) -> None:
    history = shop.history
    with pytest.raises(ModelError, match="drivers promo there, none here"):
        check_fits(model, replace(history, driver_names=(), drivers=history.drivers[:0]))
    fair = Events(names=("fair",), uplift=np.array([np.nan]), active=np.zeros((1, 1, len(history.periods)), dtype=bool))
    with pytest.raises(ModelError, match="events none there, fair here"):
        check_fits(model, replace(history, events=fair))
    with pytest.raises(ModelError, match="period week there, day here"):
        check_fits(model, replace(history, frequency="day"))
    with pytest.raises(ModelError, match="key columns"):
        check_fits(model, replace(history, offers=replace(history.offers, columns=("sku", "segment"))))
