"""Quantities in several units against the numbers that they mean."""

from collections import Counter

import numpy as np
import pytest

from sklearn_bpfree.tabular import compound, describe_columns


@pytest.mark.parametrize(
    ("texts", "system", "numbers"),
    [
        (["5'11\"", "6'", "6′ 2½″".replace("½", " 1/2")], "feet", [5 + 11 / 12, 6, 6 + 2.5 / 12]),
        (["5'-11\"", "5 ft 3 in", "5ft, 3in"], "feet", [5 + 11 / 12, 5.25, 5.25]),
        (["7 lb 8 oz", "7lbs 4oz", "9 lbs"], "pounds", [7.5, 7.25, 9]),
        (["10st 7lb", "9 stone 0 lb"], "stones", [10.5, 9]),
        (["1 m 75 cm", "1m80"], "metres", [1.75, 1.8]),
        (["2 kg 500 g", "3 kg"], "kilograms", [2.5, 3]),
        (["48°51'30\"N", "33°30′ S"], "degrees", [48 + 51.5 / 60, -33.5]),
        (["12° 30,5' W", "E 7°"], "degrees", [-(12 + 30.5 / 60), 7]),
        (["48.85° N", "33.5° S"], "degrees", [48.85, -33.5]),
        (["S33.5", "N48.85"], "degrees", [-33.5, 48.85]),
        (["5'42\"", "4'05\""], "minutes", [5.7, 4 + 5 / 60]),
    ],
)
def test_two_units_are_a_number_of_the_larger_one(texts, system, numbers):
    form = compound.decide(Counter(texts))
    assert form.system == system
    assert [form.read(text) for text in texts] == pytest.approx(numbers)


@pytest.mark.parametrize(
    "texts",
    [
        ["5'", "6'"],
        ["100 N", "200 S"],
        ["7 lb 18 oz", "7 lb 20 oz"],
        ["5 ft tall\nor so", "n\ns"],
        ["S", "N"],
        ["N7", "E5"],
    ],
)
def test_what_has_one_unit_or_none_is_left_to_others(texts):
    assert compound.decide(Counter(texts)) is None


def test_a_column_of_them_is_one_of_numbers_with_holes_and_a_note():
    texts = [f"{feet}'{inch}\"" for feet in (4, 5, 6) for inch in range(12)]
    (column,) = describe_columns(np.array([[text] for text in [*texts, "?"]], dtype=object))
    assert column.kind == "number"
    assert column.note == "read as feet; 1 cell ('?') taken for missing"
    np.testing.assert_allclose(column.read(["5'6\"", None])[""], [5.5, np.nan])
