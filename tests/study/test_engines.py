"""Every question has the same answer from pandas and from DuckDB, and the report the same bytes."""

from pathlib import Path

import pandas as pd
import pytest

import se_outcomes as so

MAPPING = {
    "study": {
        "outcome_observed": "all",
        "horizon_days": 365,
        "adjust_for": ["age_group", "education_level"],
        "exclusion": ["caseload_at_referral"],
        "exclusion_referral": ["counsellor_leniency"],
    }
}
#: Takes answers and not cases; takes too long to be asked twice here (below, among the slow ones).
APART = {"estimate_familywise", "estimate_copula_sensitivity", "estimate_two_gates"}
QUESTIONS = [
    name
    for name in so.__all__
    if name.startswith(("estimate_", "count_", "decompose_")) and name not in APART
]


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    study = so.simulate_cases(1000, n_offices=6, seed=3, missing=0.03)
    path = study.write(Path(tmp_path_factory.mktemp("cases")) / "cases.parquet")
    return so.check_cases(study._frame, mapping=MAPPING), so.load_cases(path, mapping=MAPPING)


@pytest.mark.parametrize("name", QUESTIONS)
def test_the_answer_is_the_same(name, both):
    in_memory, on_engine = (getattr(so, name)(cases).tidy() for cases in both)
    assert len(in_memory) > 0
    pd.testing.assert_frame_equal(in_memory, on_engine, check_exact=False, rtol=1e-10, atol=1e-12)


@pytest.mark.slow
def test_copulas_say_the_same(tmp_path):
    study = so.simulate_cases(1000, n_offices=6, seed=3, missing=0.03, outcome_observed="accepted")
    mapping = {"study": {**MAPPING["study"], "outcome_observed": "accepted"}}
    path = study.write(tmp_path / "cases.parquet")
    both = so.check_cases(study._frame, mapping=mapping), so.load_cases(path, mapping=mapping)
    answers = [so.estimate_copula_sensitivity(cases).tidy() for cases in both]
    assert len(answers[0]) > 5
    pd.testing.assert_frame_equal(*answers, check_exact=False, rtol=1e-10, atol=1e-12)


@pytest.mark.slow
def test_two_gates_and_the_report_are_the_same(both, tmp_path):
    answers = [so.estimate_two_gates(cases).tidy() for cases in both]
    pd.testing.assert_frame_equal(*answers, check_exact=False, rtol=1e-10, atol=1e-12)
    folders = [tmp_path / cases.engine for cases in both]
    for cases, folder in zip(both, folders, strict=True):
        so.render_report(cases, folder)
    files = [
        {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*.*")} for folder in folders
    ]
    assert len(files[0]) > 50
    assert files[0] == files[1]
