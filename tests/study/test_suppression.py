import inspect

import numpy as np
import pandas as pd
import pytest

import se_outcomes as so
from se_outcomes.errors import EstimationError
from se_outcomes.study.suppression import Search, estimates_of, over_completions
from se_outcomes.study.suppression_questions import QUESTIONS
from se_outcomes.wording.words import speak

QUICK = {
    "count_funnel": {"by": "sex"},
    "count_characteristics": {"variables": ["sex"]},
    "estimate_referral": {"adjust_for": ()},
    "decompose_selection": {},
}
#: Questions of cases; estimate_familywise is asked of answers.
ASKED_OF_CASES = [
    name
    for name in so.__all__
    if name.startswith(("estimate_", "count_", "decompose_")) and name != "estimate_familywise"
]


@pytest.fixture(scope="module")
def cases():
    return so.simulate_cases(700, n_offices=4, seed=3).cases


@pytest.fixture(scope="module")
def tally(cases, tmp_path_factory):
    path = tmp_path_factory.mktemp("tally") / "tally.csv"
    return so.load_tally(
        so.write_tally(cases, path, columns=["motivation", "sex"], numbers="quarters", fine=True)
    )


@pytest.fixture(scope="module")
def whole(cases, tmp_path_factory):
    """The same columns with nothing suppressed."""
    path = tmp_path_factory.mktemp("whole") / "tally.csv"
    return so.load_tally(
        so.write_tally(cases, path, columns=["motivation", "sex"], numbers="quarters", threshold=1)
    )


def test_every_question_of_cases_tells_its_range():
    for name in ASKED_OF_CASES:
        function = getattr(so, name)
        assert hasattr(function, "__wrapped__"), name
        assert inspect.signature(function).parameters["cases"].annotation == "Cases"
        assert function.__doc__ == function.__wrapped__.__doc__
    assert len(ASKED_OF_CASES) == 16


def test_cases_with_nothing_suppressed_bear_no_range(cases, whole):
    for one in (cases, whole):
        result = so.count_funnel(one)
        assert result.suppression is None
        assert not [notice for notice in result.warnings if notice.key.startswith("range_over")]


@pytest.mark.parametrize("name", QUICK)
def test_the_answer_of_the_cases_lies_within_the_range(tally, whole, name):
    result = getattr(so, name)(tally, **QUICK[name])
    expected = estimates_of(getattr(so, name)(whole, **QUICK[name]))
    frame = result.suppression
    keys = [tuple(row) for row in frame[expected.attrs["keys"]].itertuples(index=False)]
    assert set(expected.index) <= set(keys)
    for key, row in zip(keys, frame.itertuples(), strict=True):
        assert row.low - 1e-12 <= row.estimate <= row.high + 1e-12
        assert row.low - 1e-12 <= expected[key] <= row.high + 1e-12, key
    assert (frame["high"] > frame["low"]).mean() > 0.9
    assert (frame["n_completions"] > 4).all()


def test_the_range_is_told_in_a_notice_in_every_language(tally):
    result = so.count_funnel(tally)
    (said,) = [notice for notice in result.warnings if notice.key == "range_over_completions"]
    row = result.suppression.iloc[0]
    told = [said.parts[f"range_{name}"] for name in ("estimate", "low", "high")]
    assert told == row[["estimate", "low", "high"]].tolist()
    assert said.parts["cells"] == tally.suppressed.n_cells
    assert f"{row['low']:.3f}" in said
    assert f"{row['low']:.3f}".replace(".", ",") in speak("nb").notice(said)
    assert "vegen gjennom portane" in speak("nn").notice(said)


def test_a_share_has_the_exact_range(tally):
    suppressed, frame = tally.suppressed, so.count_funnel(tally, by="sex").suppression
    random = np.random.default_rng(5)
    for _ in range(60):
        n = suppressed.complete(random.normal(size=len(suppressed.cells)) - random.normal())
        found = estimates_of(so.count_funnel(suppressed.cases(n), by="sex"))
        for row in frame.itertuples():
            value = found[(row.term, row.group, row.stage)]
            assert row.low - 1e-12 <= value <= row.high + 1e-12
    # and by hand for one: all passed at most, all others at least, as far as their states' totals go
    low, high = suppressed.limits.T
    state = [
        suppressed.cells["gate_state"].astype(str)[suppressed.group == number].iloc[0]
        for number in range(len(low))
    ]
    told = suppressed.told.groupby("gate_state", observed=True)["n"].sum()
    passed = sum(told.get(name, 0) for name in ("undecided", "refused", "accepted"))
    failed = told.get("not_referred", 0)
    passed += sum(
        n for name, n in zip(state, high, strict=True) if name in ("undecided", "refused", "accepted")
    )
    failed += sum(n for name, n in zip(state, low, strict=True) if name == "not_referred")
    (best,) = frame.query("group == 'all' and stage == 'referred'")["high"]
    assert best == pytest.approx(passed / (passed + failed), abs=1e-12)


def test_completions_without_an_answer_are_told(tally):
    asked = []

    @over_completions
    def ask(cases):
        asked.append(cases.n_cases)
        if len(asked) % 3 == 0:
            raise EstimationError("no", reason="no_variation")
        return so.count_funnel(cases)

    result = ask(tally)
    (said,) = [notice for notice in result.warnings if notice.key == "range_over_some_completions"]
    assert said.parts["silent"] == len(asked) // 3 > 0
    assert said.parts["tried"] == len(asked)
    assert result.suppression["n_completions"].max() == len(asked) - len(asked) // 3


def test_a_refusal_of_the_central_completion_is_a_refusal(tally):
    with pytest.raises(EstimationError) as refusal:
        so.estimate_referral(tally, adjust_for=("age_group",))
    assert refusal.value.reason == "column_missing"


def test_the_learned_direction_finds_a_linear_answer(tally):
    suppressed = tally.suppressed
    weights = np.random.default_rng(3).normal(size=len(suppressed.cells))
    search = Search(lambda cases: None, suppressed)
    for seed in range(len(weights) + 5):
        n = suppressed.complete(np.random.default_rng(seed).normal(size=len(weights)))
        search.tried[n.tobytes()] = pd.Series([float(weights @ n)], index=["x"])
    best = weights @ suppressed.complete(weights)
    n = suppressed.complete(search.learned("x")(suppressed.central()))
    assert weights @ n > weights @ suppressed.central() + 0.9 * (best - weights @ suppressed.central())


def test_every_question_is_known():
    assert set(QUESTIONS) >= {"funnel", "referral", "acceptance", "placement", "selection", "two_gates"}
    for about in QUESTIONS.values():
        assert about.stages or about.counted


@pytest.mark.parametrize(
    "name",
    [
        name
        for name in ASKED_OF_CASES
        if name not in ("estimate_two_gates", "estimate_hours_bounds", "estimate_copula_sensitivity")
    ],
)
def test_with_nothing_suppressed_every_estimate_is_that_of_the_cases(name, tmp_path):
    cases = so.simulate_cases(700, n_offices=4, seed=3).cases
    columns = ["motivation", "age_group", "education_level", "caseload_at_referral", "sex"]
    path = so.write_tally(cases, tmp_path / "tally.csv", threshold=1, columns=[*columns, "retention_state"])
    call = {"variables": columns} if name == "count_characteristics" else {}
    found, expected = (estimates_of(getattr(so, name)(one, **call)) for one in (so.load_tally(path), cases))
    assert list(found.index) == list(expected.index)
    np.testing.assert_allclose(found.to_numpy(), expected.to_numpy(), rtol=0, atol=1e-10)
