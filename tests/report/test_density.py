"""The curves of who is left out: no stretch of them tells of few, and nor does one less another."""

import numpy as np
import pandas as pd
import pytest

import se_outcomes as so
from se_outcomes.cases.simulate import _mapping
from se_outcomes.report.density import cut_at_deep_minima, protect_density
from se_outcomes.report.disclosure_of_left_out import protect_left_out
from se_outcomes.report.plan import Plan
from se_outcomes.study.left_out_frames import GRID, kernel_density

MIN_CELL = 5


def spread(**groups):
    """Curves, quantiles and numbers of statuses with so many cases about each centre: centre -> n."""
    curves, quantiles, numbers = [], [], {}
    for status, bumps in groups.items():
        values = np.concatenate([centre + np.linspace(-0.03, 0.03, n) for centre, n in bumps.items()])
        curve = kernel_density(values, np.ones(len(values)))
        curves.append(pd.DataFrame({"status": status, "value": GRID, "density": curve}))
        quantiles.append((status, *np.quantile(values, (0.1, 0.9)).round(2)))
        numbers[status] = len(values)
    frame = pd.DataFrame(quantiles, columns=["status", "p10", "p90"])
    return pd.concat(curves, ignore_index=True), frame, pd.Series(numbers)


def drawn(**groups):
    return set(protect_density(*spread(**groups), MIN_CELL)["status"])


# --- stretches ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("height", "cuts"), [
    ([0, 4, 9, 4, 0], [0, 4]),                                # one peak
    ([9, 4, 1, 0.5, 0.2], [0, 4]),                            # at an end
    ([9, 0.4, 5, 2, 4], [0, 1, 4]),                           # below a tenth of five, two not below a tenth of four
    ([9, 0.6, 5], [0, 2]),                                    # not below a tenth of five
    ([5, 4.5, 5, 0.1, 5], [0, 3, 4]),                         # peaks of the same height
    ([9, 0.1, 0.11, 0.1, 5], [0, 1, 4]),                      # a ripple on the ground neither parts nor joins
    ([9, 0, 0, 0, 0.5, 0.4, 0.5], [0, 1, 6]),                 # a small bump in two humps
])  # fmt: skip
def test_stretches_by_hand(height, cuts):
    assert cut_at_deep_minima(np.array(height, dtype=float)) == cuts


def test_with_an_isolated_bump_of_few_there_is_no_curve():
    assert drawn(accepted={0.2: 100, 0.7: 3}) == set()
    assert drawn(accepted={0.2: 100, 0.7: 9}) == set()
    assert drawn(accepted={0.2: 100, 0.7: 12}) == {"accepted"}


def test_a_lone_case_beyond_the_tails_takes_the_curve_along():
    assert drawn(accepted={0.3: 200}) == {"accepted"}
    assert drawn(accepted={0.3: 200, 0.95: 1}) == set()


def test_where_a_curve_is_withheld_those_in_stretches_are_too():
    """All of a stretch less those of the curves told would be those of the one withheld."""
    few = {0.2: 100, 0.7: 3}
    assert drawn(accepted=few, not_accepted={0.2: 100, 0.7: 40}) == set()
    assert drawn(accepted=few, not_accepted={0.3: 140}) == {"not_accepted"}
    assert drawn(accepted={0.3: 20}, not_accepted={0.2: 100, 0.7: 40}) == set()
    assert drawn(accepted={0.3: 20}, not_accepted={0.3: 140}) == {"not_accepted"}


def test_a_curve_ends_at_its_tenths_and_has_one_decimal():
    density, quantiles, n = spread(accepted={0.3: 80}, not_accepted={0.4: 200})
    told = protect_density(density, quantiles, n, MIN_CELL)
    for row in quantiles.itertuples():
        values = told.loc[told["status"] == row.status, "value"]
        assert values.iloc[[0, -1]].tolist() == pytest.approx([row.p10, row.p90])
    assert (told["density"] == told["density"].round(1)).all()
    assert told["density"].nunique() > 5
    hidden = quantiles.assign(p10=[np.nan, quantiles["p10"][1]])
    assert set(protect_density(density, hidden, n, MIN_CELL)["status"]) == {"not_accepted"}


# --- by cases ----------------------------------------------------------------------------------------


def levels_apart(n=600):
    """An exposure whose highest level, of far better prospects, has three accepted."""
    rng = np.random.default_rng(0)
    level = pd.Series(rng.choice(["a_low", "b_mid", "c_high"], n, p=[0.5, 0.35, 0.15]))
    referred = rng.random(n) < level.map({"a_low": 0.2, "b_mid": 0.6, "c_high": 0.5})
    accepted = referred & (rng.random(n) < level.map({"a_low": 0.5, "b_mid": 0.7, "c_high": 0.0}))
    accepted.iloc[np.flatnonzero((level == "c_high") & referred)[:3]] = True
    frame = pd.DataFrame(
        {
            "case_id": [str(i) for i in range(n)],
            "office_id": [f"o{i % 5}" for i in range(n)],
            "motivation": rng.integers(0, 11, n).astype(float),
            "motiv": level,
            "referred": referred,
            "accepted": pd.array(np.where(referred, accepted, None), dtype="boolean"),
            "placed": rng.random(n) < level.map({"a_low": 0.1, "b_mid": 0.3, "c_high": 0.75}),
        }
    )
    mapping = _mapping("all", "separate", False)
    mapping["study"] |= {
        "horizon_days": None,
        "adjust_for": [],
        "exclusion": [],
        "exclusion_referral": [],
        "exposure": "motiv",
    }
    return so.check_cases(frame, mapping=mapping | {"extra": {"motiv": "text"}})


def test_no_stretch_tells_a_small_count():
    """What lay under the bump of the highest level, times those accepted, was 3.0."""
    result = so.estimate_left_out(levels_apart())
    n = result.groups.drop_duplicates("status").set_index("status")["n"]
    accepted = result.density.loc[result.density["status"] == "accepted"]
    of_bump = accepted.loc[accepted["value"] > 0.6]
    assert np.trapezoid(of_bump["density"], of_bump["value"]) * n["accepted"] == pytest.approx(3, abs=0.01)
    told = protect_left_out(result, Plan(MIN_CELL, {}, {})).density
    assert "accepted" not in set(told["status"])
    # nor is any other in stretches, which would tell it by what is left
    for _, curve in told.groupby("status"):
        assert len(cut_at_deep_minima(curve["density"].to_numpy())) == 2
