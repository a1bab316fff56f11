import math

import numpy as np
import pandas as pd
import pytest

from se_outcomes.cases.check import check_cases
from se_outcomes.cases.scale import make_scale


def cells(values, counts=None, instrument=""):
    return pd.DataFrame(
        {"value": np.array(values, float), "instrument": instrument, "n": counts or [1] * len(values)}
    )


def ruler_of(values, counts=None):
    return make_scale("motivation", cells(values, counts)).rulers[""]


def placed(scale, values, instrument=""):
    return scale.place(np.array(values, float), np.full(len(values), instrument, dtype=object))


def case_frame(motivation, **columns):
    n = len(motivation)
    base = {"case_id": [f"c{i}" for i in range(n)], "office_id": ["a", "b"] * (n // 2) + ["a"] * (n % 2)}
    gates = {"referred": [True] * n, "accepted": [True] * n, "placed": [False] * n}
    return pd.DataFrame({**base, "motivation": motivation, **gates, **columns})


# --- standard deviations --------------------------------------------------------------------------


def test_standard_deviation_is_of_a_sample():
    # squares about 5: 9 + 1 + 1 + 1 + 4 + 16 = 32 over 8 values, two of which are 5
    ruler = ruler_of([2, 4, 4, 4, 5, 5, 7, 9])
    assert ruler.mean == 5
    assert ruler.sd == pytest.approx(math.sqrt(32 / 7))


def test_counts_stand_for_rows():
    by_count, by_row = ruler_of([3, 1, 2], [1, 4, 2]), ruler_of([1, 1, 1, 1, 2, 2, 3])
    assert (by_count.mean, by_count.sd) == (pytest.approx(by_row.mean), pytest.approx(by_row.sd))
    assert by_count.bins == by_row.bins
    assert by_count.cuts.tolist() == by_row.cuts.tolist()
    assert by_count.edges.tolist() == by_row.edges.tolist()


def test_scaled_values_have_mean_zero_and_variance_one():
    scale = make_scale("motivation", cells([1, 2, 4, 8], [2, 1, 1, 1]))
    scaled = placed(scale, [1, 1, 2, 4, 8])["scaled"]
    assert scaled.mean() == pytest.approx(0)
    assert scaled.std(ddof=1) == pytest.approx(1)


def test_values_far_from_zero_keep_their_variation():
    assert ruler_of([1e6, 1e6 + 1]).sd == pytest.approx(math.sqrt(0.5))


def test_one_standard_deviation_for_one_instrument_only():
    assert make_scale("motivation", cells([1, 3])).sd == pytest.approx(math.sqrt(2))
    two = pd.concat([cells([1, 3], instrument="ruler"), cells([10, 30], instrument="sofa")])
    with pytest.raises(ValueError, match="motivation is measured with 2 instruments"):
        _ = make_scale("motivation", two).sd
    with pytest.raises(ValueError, match="with 0 instruments"):
        _ = make_scale("motivation", cells([3, 3])).sd


# --- quarters and bins ----------------------------------------------------------------------------


def test_quarters_and_bins_of_twelve_values_hold_one_each():
    scale = make_scale("motivation", cells(range(1, 13)))
    assert scale.rulers[""].cuts.tolist() == [3, 6, 9]
    frame = placed(scale, range(1, 13))
    assert frame["group"].tolist() == ["q1"] * 3 + ["q2"] * 3 + ["q3"] * 3 + ["q4"] * 3
    assert frame["bin"].tolist() == [f"q{quarter}.{third}" for quarter in (1, 2, 3, 4) for third in (1, 2, 3)]


def test_ties_stay_together_in_the_lower_quarter():
    # shares up to each value: 5/8, 6/8, 7/8, 1
    scale = make_scale("motivation", cells([1, 2, 3, 4], [5, 1, 1, 1]))
    assert scale.rulers[""].cuts.tolist() == [1, 1, 2]
    assert placed(scale, [1, 2, 3, 4])["group"].tolist() == ["q1", "q3", "q4", "q4"]
    assert placed(scale, [1, 2, 3, 4])["bin"].tolist() == ["q1.1", "q3.1", "q4.1", "q4.2"]


def test_a_share_that_is_a_quarter_is_a_quarter():
    for n in (3, 7, 10, 49, 1000):
        assert ruler_of([1, 2, 3, 4], [n] * 4).cuts.tolist() == [1, 2, 3]


def test_two_values_are_the_first_quarters_and_what_is_above():
    assert placed(make_scale("motivation", cells([0, 1], [1, 1])), [0, 1])["group"].tolist() == ["q1", "q3"]
    assert placed(make_scale("motivation", cells([0, 1], [3, 1])), [0, 1])["group"].tolist() == ["q1", "q4"]


@pytest.mark.parametrize("seed", range(5))
def test_bins_are_nested_in_quarters_and_in_order(seed):
    random = np.random.default_rng(seed)
    values, counts = np.unique(random.poisson(4, 300), return_counts=True)
    scale = make_scale("motivation", cells(values, counts.tolist()))
    frame = placed(scale, values)
    assert (frame["bin"].str.split(".").str[0] == frame["group"]).all()
    assert frame["bin"].is_monotonic_increasing
    quarters = np.searchsorted(scale.rulers[""].cuts, values)
    assert [f"q{quarter + 1}" for quarter in quarters] == frame["group"].tolist()
    # no quarter but the last holds less than its share up to its end
    share = np.cumsum(counts) / counts.sum()
    for number, cut in enumerate(scale.rulers[""].cuts, start=1):
        assert share[values == cut].item() >= number / 4 - 1e-9


def test_edges_tell_what_lies_in_each_bin():
    scale = make_scale("motivation", cells([1, 2, 3, 4], [5, 1, 1, 1]))
    edges = scale.edges
    assert list(edges.columns) == ["bin", "group", "low", "high", "mean_scaled"]
    assert edges["bin"].tolist() == ["q1.1", "q3.1", "q4.1", "q4.2"]
    assert edges["group"].tolist() == ["q1", "q3", "q4", "q4"]
    assert edges["low"].tolist() == edges["high"].tolist() == [1, 2, 3, 4]
    mean, sd = 14 / 8, math.sqrt((5 * 0.75**2 + 0.25**2 + 1.25**2 + 2.25**2) / 7)
    assert edges["mean_scaled"].tolist() == pytest.approx([(value - mean) / sd for value in (1, 2, 3, 4)])


def test_mean_of_a_bin_is_weighted_by_its_cases():
    # 16 values: the first quarter ends at 4, its bins at 2, 3 and 4
    scale = make_scale("motivation", cells(range(1, 17)))
    first = scale.edges.iloc[0]
    assert (first["bin"], first["low"], first["high"]) == ("q1.1", 1, 2)
    assert first["mean_scaled"] == pytest.approx((1.5 - 8.5) / scale.sd)


def test_values_beyond_the_eligible_are_in_the_outer_bins():
    scale = make_scale("motivation", cells(range(1, 13)))
    assert placed(scale, [-5, 2.5, 99])["bin"].tolist() == ["q1.1", "q1.3", "q4.3"]
    assert placed(scale, [-5, 2.5, 99])["group"].tolist() == ["q1", "q1", "q4"]


def test_a_value_above_all_where_ties_leave_the_last_quarter_empty():
    scale = make_scale("motivation", cells([1, 2], [1, 9]))
    frame = placed(scale, [1, 2, 3])
    assert frame["group"].tolist() == ["q1", "q1", "q1"]
    assert set(frame["bin"]) <= set(scale.edges["bin"])


# --- missing, and instruments ---------------------------------------------------------------------


def test_missing_values_and_unknown_instruments_have_no_place():
    scale = make_scale("motivation", cells([1, 2, 3], instrument="ruler"))
    for frame in (placed(scale, [np.nan], "ruler"), placed(scale, [2.0], "sofa")):
        assert frame.isna().all(axis=None)
    assert placed(scale, [2.0], "ruler").notna().all(axis=None)


def test_each_instrument_has_its_own_scale():
    two = pd.concat([cells([1, 2, 3, 4], instrument="ruler"), cells([40, 10, 30, 20], instrument="sofa")])
    scale = make_scale("motivation", two)
    assert list(scale.rulers) == ["ruler", "sofa"]
    one, other = placed(scale, [1, 2, 3, 4], "ruler"), placed(scale, [10, 20, 30, 40], "sofa")
    pd.testing.assert_frame_equal(one, other)
    assert scale.rulers["sofa"].sd == pytest.approx(10 * scale.rulers["ruler"].sd)


@pytest.mark.parametrize(
    ("values", "counts"), [([5], [40]), ([5], [1]), ([], []), ([0.1 + 0.2, 0.3], [1, 1]), ([1e8], [7])]
)
def test_instrument_without_variation_has_no_scale(values, counts):
    flat = cells(values, counts, instrument="flat")
    scale = make_scale("motivation", pd.concat([flat, cells([1, 2], instrument="ruler")]))
    assert list(scale.rulers) == ["ruler"]
    assert placed(scale, values, "flat").isna().all(axis=None)
    assert placed(scale, [1, 2], "ruler")["scaled"].tolist() == pytest.approx(
        [-math.sqrt(0.5), math.sqrt(0.5)]
    )


def test_no_scale_at_all_has_no_edges():
    scale = make_scale("motivation", cells([]))
    assert scale.edges.empty
    assert list(scale.edges.columns) == ["bin", "group", "low", "high", "mean_scaled"]


# --- of cases -------------------------------------------------------------------------------------


def test_ineligible_cases_do_not_shape_the_scale_and_have_a_place_on_it():
    shaping = [1.0, 2.0, 3.0, 4.0]
    alone = check_cases(case_frame(shaping))
    eligible = [True] * 4 + [False, None, False]
    cases = check_cases(case_frame([*shaping, 100.0, -50.0, 50.0], eligible=eligible))
    assert cases.scale("motivation").sd == pytest.approx(math.sqrt(5 / 3))
    pd.testing.assert_frame_equal(cases.bins("motivation"), alone.bins("motivation"))
    tally = cases.tally(["motivation", "motivation_group"]).set_index("motivation")["motivation_group"]
    assert (tally[100], tally[50], tally[-50]) == ("q4", "q4", "q1")


def test_cases_followed_too_briefly_shape_the_scale():
    frame = case_frame(
        [1.0, 2.0, 3.0, 4.0],
        entry_date=["2021-01-01"] * 4,
        followup_end=["2023-01-01"] * 3 + ["2021-01-02"],
    )
    cases = check_cases(frame, mapping={"study": {"horizon_days": 365}})
    assert cases.scale("motivation").sd == pytest.approx(math.sqrt(5 / 3))


def test_cases_without_a_named_instrument_are_an_instrument_of_their_own():
    instruments = ["ruler", "ruler", "sofa", "sofa", None, None]
    cases = check_cases(case_frame([1, 2, 10, 20, 7, 8], motivation_instrument=instruments))
    assert set(cases.scale("motivation").rulers) == {"ruler", "sofa", ""}
    scaled = cases.tally(["motivation", "motivation_scaled"])["motivation_scaled"]
    assert sorted(scaled.round(4)) == [-0.7071] * 3 + [0.7071] * 3


def test_bins_are_a_copy():
    cases = check_cases(case_frame([1.0, 2.0, 3.0]))
    bins = cases.bins("motivation")
    bins["low"] = -1.0
    assert (cases.bins("motivation")["low"] > 0).all()
