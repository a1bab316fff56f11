"""The grid of correlations as a picture."""

import matplotlib.pyplot as plt
import pytest

import se_outcomes as so
from se_outcomes.figures.correlation_grid import correlation_grid_data, describe_correlation_grid


@pytest.fixture(scope="module")
def result():
    cases = so.simulate_cases(400, n_offices=3, seed=2).cases
    return so.estimate_two_gates(cases, exclusion_acceptance=(), adjust_for=())


@pytest.mark.parametrize("language", ["en", "nb", "nn"])
def test_every_allowed_pair_has_its_number(result, language):
    ax = so.draw_correlation_grid(result, language=language)
    written = [text.get_text() for text in ax.texts]
    data = correlation_grid_data(result)
    assert len(written) == len(data)
    assert written.count("–") == data["open_gate"].isna().sum()
    assert sum("%" in text for text in written) == data["open_gate"].notna().sum() > 0
    plt.close(ax.figure)


def test_a_number_stands_at_its_pair(result):
    ax = so.draw_correlation_grid(result)
    data = correlation_grid_data(result).dropna(subset="open_gate")
    row = data.iloc[len(data) // 2]
    up, across = (sorted(result.grid[name].unique()) for name in ("rho_referral", "rho_acceptance"))
    place = (across.index(row["rho_acceptance"]) + 0.5, up.index(row["rho_referral"]) + 0.5)
    found = [text.get_text() for text in ax.texts if text.get_position() == pytest.approx(place)]
    assert found == [f"{100 * row['open_gate']:.0f}%"] or found == [f"{100 * row['open_gate']:.0f} %"]
    plt.close(ax.figure)


def test_in_words(result):
    said = describe_correlation_grid(result)
    told = correlation_grid_data(result)["open_gate"].dropna()
    assert str(len(told)) in said
    assert f"{100 * told.max():.0f}" in said


def test_no_grid_is_refused():
    cases = so.simulate_cases(1500, seed=3, variation=2.0).cases
    with pytest.raises(ValueError, match="grid=True"):
        so.draw_correlation_grid(so.estimate_two_gates(cases))
