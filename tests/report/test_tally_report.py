"""A report from a tally with suppressed cells: it says that it is one, and how far each answer could be off."""

import pytest

import se_outcomes as so
from se_outcomes.report import render


@pytest.mark.slow
def test_a_report_from_a_tally(tmp_path, monkeypatch):
    monkeypatch.setattr(render, "TRIED", 9)
    cases = so.simulate_cases(1200, n_offices=5, seed=1).cases
    path = so.write_tally(cases, tmp_path / "tally.csv", numbers="quarters", columns=["motivation"])
    tally = so.load_tally(path)
    page = so.render_report(tally, tmp_path / "report").read_text(encoding="utf-8")
    assert f"about {tally.n_cases:,} cases in 5 offices" in page.replace("\u00a0", ",")
    assert "The report is made from a tally and not from cases." in page
    assert page.count("Small cells of the tally are suppressed. Over 9 ways to fill them") >= 3
    assert "could be off was not looked into for this report" in page
