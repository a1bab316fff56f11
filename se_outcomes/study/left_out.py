"""Who is left out: those never referred and those never accepted, against those accepted.

What they are like, how they would fare with and without Supported Employment as far as the recorded columns tell, and
who has practically no chance of being accepted. Predictions have not seen the case; intervals are the office jackknife
of the whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from se_outcomes.cases.cases import Cases
from se_outcomes.results import Notice, Ranged, Specification, records
from se_outcomes.study.at_risk import count_used
from se_outcomes.study.left_out_frames import (
    NO_CHANCE,
    Described,
    compare_groups,
    compose,
    describe,
    dof_of_status,
    draw_density,
    find_quantiles,
    judge_overlap,
    levels_of_one_office,
)
from se_outcomes.study.prospects import STATUSES, estimate_prospects, say_cross_fit, say_jackknife
from se_outcomes.study.sentences import say_interval, say_number, say_p_value
from se_outcomes.study.suppression import over_completions

AS_RECORDED = Notice(
    "left_out_as_recorded",
    "How those left out would fare with SE is read off the accepted who are like them in the recorded columns. Where "
    "the accepted differ in other ways too, this is too favourable or too harsh.",
)
LEVEL_OF_ONE_OFFICE = Notice(
    "left_out_level_one_office",
    "A level in the composition is found in one office only: how its share varies between offices cannot be seen, and "
    "it has no interval.",
)


@dataclass(frozen=True, eq=False)
class LeftOutResult(Ranged):
    """Who is left out, and how they would fare.

    Attributes
    ----------
    specification : Specification
        What was asked; ``exposure`` and ``adjust_for`` are what predicts and what is described.
    groups : frame
        ``status`` ("not_referred", "not_accepted" of the referred, "accepted"; "not_accepted", "accepted" where the
        gates are merged), ``measure``: the "share" of all, and means of predicted placement "without_se" and "with_se",
        of the "gain" and of the "chance" of acceptance; ``n, estimate, std_error, conf_low, conf_high``; against the
        accepted ``difference, difference_std_error, difference_low, difference_high, difference_p`` (missing for the
        accepted themselves and for shares). Measures that need outcomes for all are absent where these are known for
        the accepted.
    composition : frame
        ``variable, level, status, n, share, difference, difference_low, difference_high`` (share of the level in the
        status, less that in the accepted); numbers by their quarters. A level of one office alone has no interval.
    overlap : frame
        ``group`` ("all" and the exposure's quarters or levels), ``n``, ``share`` with a chance of acceptance below
        ``threshold``, ``conf_low, conf_high``, ``share_certain`` with one above ``1 - threshold``. Intervals are
        missing where the share does not vary between replicates.
    density : frame
        ``status, value, density`` of predicted placement (``density_of``), from 0 to 1.
    quantiles : frame
        ``status, p10, p25, p50, p75, p90`` of the same.
    density_of : {"without_se", "with_se"}
    threshold : float
    exclusions, used : frames
        Cases left out by ``reason``; all cases by ``level``, gate state and outcome state.
    warnings : tuple of Notice
    """

    specification: Specification
    method: str
    cross_fit: str
    groups: pd.DataFrame
    composition: pd.DataFrame
    overlap: pd.DataFrame
    density: pd.DataFrame
    quantiles: pd.DataFrame
    density_of: str
    threshold: float
    exclusions: pd.DataFrame
    used: pd.DataFrame
    fit_statistics: dict[str, object]
    warnings: tuple[Notice, ...]

    @property
    def question(self) -> str:
        """The question's key."""
        return "left_out"

    def tidy(self) -> pd.DataFrame:
        """One row per status and measure: how it differs from the accepted."""
        compared = self.groups.dropna(subset="difference").reset_index(drop=True)
        return pd.DataFrame(
            {
                "term": compared["status"],
                "estimate": compared["difference"],
                "std_error": compared["difference_std_error"],
                "statistic": compared["difference"] / compared["difference_std_error"],
                "p_value": compared["difference_p"],
                "conf_low": compared["difference_low"],
                "conf_high": compared["difference_high"],
                "measure": compared["measure"],
            }
        )

    def glance(self) -> dict[str, object]:
        """``n_cases, n_events`` (accepted), ``n_offices, n_excluded, dof``."""
        return dict(self.fit_statistics)

    def summary(self) -> str:
        """What was found, to read at the prompt."""
        found = self.fit_statistics
        lines = [
            f"Who is left out: {say_number(found['n_cases'], ',')} eligible, {say_number(found['n_events'], ',')} "
            f"accepted, {found['n_offices']} offices ({say_number(found['n_excluded'], ',')} cases left out)",
            self.method,
            "",
        ]
        for row in records(self.groups):
            interval = say_interval(row.conf_low, row.conf_high, ".3f")
            apart = f"; less accepted {row.difference:+.3f}, {say_p_value(row.difference_p)}"
            what = f"{row.status:13s} {row.measure:11s} {say_number(row.estimate, '.3f')} {interval}"
            lines.append(f"  {what}{'' if pd.isna(row.difference) else apart}")
        everyone = self.overlap.iloc[0]
        lines.append(f"  chance of acceptance below {self.threshold:g}: {everyone['share']:.1%} of all")
        return "\n".join([*lines, *(f"Note: {warning}" for warning in self.warnings)])

    def __repr__(self) -> str:
        return self.summary()


@over_completions
def estimate_left_out(
    cases: Cases,
    *,
    exposure: str | None = None,
    adjust_for: Sequence[str] | None = None,
    outcome_observed: str | None = None,
    cross_fit: str = "across",
) -> LeftOutResult:
    """Describe those never referred and never accepted against those accepted.

    Parameters
    ----------
    cases : Cases
        Checked cases.
    exposure, adjust_for : optional
        What predicts, and what is described; by default what the study plan says.
    outcome_observed : {"all", "accepted"}, optional
        For whom placement is known; by default what the study plan says. With "accepted" there is no placement without
        SE and no gain.
    cross_fit : {"across", "within"}
        Each office predicted by the others, without office effects; or within offices, with them.

    Returns
    -------
    LeftOutResult

    Raises
    ------
    EstimationError
        ``outcome_observed_unknown``, ``outcome_for_accepted_only``, ``one_office`` (three offices are needed across,
        two within), ``no_variation``, ``no_cases``, ``exposure_constant``, ``rated_after_gate``, ``column_missing``.

    Examples
    --------
    >>> import se_outcomes as so
    >>> result = so.estimate_left_out(so.simulate_cases(1200, seed=1).cases)
    >>> shares = result.groups.query("measure == 'share'")["estimate"]
    >>> len(shares), round(float(shares.sum()), 9)
    (3, 1.0)
    """
    prospects = estimate_prospects(
        cases,
        exposure=exposure,
        adjust_for=adjust_for,
        outcome_observed=outcome_observed,
        cross_fit=cross_fit,
        wanted=("chance", "without_se", "with_se"),
        replicated=True,
    )
    described, not_composed = describe(prospects)
    replicates = [described.without(office) for office in range(prospects.n_offices)]
    of_what = prospects.exposure, prospects.adjust_for
    density_of = "without_se" if prospects.outcome_observed == "all" else "with_se"
    values = prospects.without_se if density_of == "without_se" else prospects.with_se
    return LeftOutResult(
        specification=Specification(
            "left_out", "accepted", "eligible", *of_what, office_effects=cross_fit == "within"
        ),
        method=f"Predictions by {say_cross_fit(prospects)}; intervals: {say_jackknife(prospects)}, t(G - 1).",
        cross_fit=cross_fit,
        groups=compare_groups(described, replicates),
        composition=compose(described, replicates),
        overlap=judge_overlap(described, replicates),
        density=draw_density(described, values),
        quantiles=find_quantiles(described, values),
        density_of=density_of,
        threshold=NO_CHANCE,
        exclusions=prospects.exclusions,
        used=count_used(prospects.sorted_cases),
        fit_statistics=prospects.counted,
        warnings=(*prospects.warnings, *not_composed, *_say_missing(described), AS_RECORDED),
    )


def _say_missing(described: Described) -> tuple[Notice, ...]:
    """Sentences on statuses that nobody has, and on statuses and levels that one office alone has."""
    present = dof_of_status(described)[:, 0]
    said = [
        Notice(
            "left_out_one_office",
            "Only one office has cases of the status {status}: what is said of them has no interval.",
            status=status,
        )
        for status, offices in zip(described.statuses, present, strict=True)
        if offices < 1
    ]
    wanted = [status for status in STATUSES if not (described.prospects.merged and status == STATUSES[0])]
    said += [
        Notice("left_out_nobody", "Nobody has the status {status}.", status=status)
        for status in wanted
        if status not in described.statuses
    ]
    if levels_of_one_office(described).any():
        said.append(LEVEL_OF_ONE_OFFICE)
    return tuple(said)
