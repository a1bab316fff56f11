"""Where each group is lost: the bars are the shares, and what is withheld leaves an empty end."""

from dataclasses import replace

import numpy as np
import pytest

import se_outcomes as so
from se_outcomes.cases.schema import LANGUAGES
from se_outcomes.figures.losses import describe_losses, draw_losses, losses_data


@pytest.fixture(scope="module")
def groups(cases):
    return so.count_funnel(cases, by="motivation")


def with_share(funnel, group, stage, share):
    chosen = (funnel.counts["group"] == group) & (funnel.counts["stage"] == stage)
    return replace(
        funnel, counts=funnel.counts.assign(estimate=funnel.counts["estimate"].mask(chosen, share))
    )


def bars(ax):
    return [(bar.get_x(), bar.get_width()) for bar in ax.patches]


def test_bars_are_the_shares_and_fill_the_axis(groups):
    data = losses_data(groups)
    ax = draw_losses(groups)
    assert np.array(bars(ax)) == pytest.approx(data[["start", "share"]].to_numpy())
    assert data.groupby("group")["share"].sum().to_numpy() == pytest.approx(1.0)
    heights = [bar.get_y() for bar in ax.patches]
    assert len(set(np.round(heights, 9))) == data["group"].nunique()


def test_the_whole_stands_last_and_apart(groups):
    ax = draw_losses(groups)
    names = [label.get_text() for label in ax.get_yticklabels()]
    assert names[0] == "Lowest quarter"
    assert "All" in names[-1]
    steps = -np.diff(ax.get_yticks())
    assert steps[-1] > steps[0] > 0


@pytest.mark.parametrize("language", LANGUAGES)
def test_broad_parts_tell_their_share_and_narrow_ones_do_not(groups, language, read):
    funnel = with_share(with_share(groups, "q4", "referred", 0.98), "q4", "placed", 0.01)
    written = read(draw_losses(funnel, language=language))
    sign = "%" if language == "en" else "\u00a0%"
    data = losses_data(funnel).query("group == 'q4'").set_index("fate")["share"]
    assert data["not_referred"] == pytest.approx(0.02)
    assert f"2{sign}" not in written
    assert f"{round(100 * data['not_placed'])}{sign}" in written
    assert f"{round(100 * data['placed'])}{sign}" in written  # beside the bar


def test_parts_differ_in_more_than_colour(groups):
    looks = {(bar.get_facecolor(), bar.get_hatch() or "") for bar in draw_losses(groups).patches}
    greys = sorted(np.dot(colour[:3], [0.299, 0.587, 0.114]) for colour, _ in looks)
    assert len(looks) == 4
    assert min(np.diff(greys)) > 0.02
    assert len([hatch for _, hatch in looks if hatch]) == 2


def test_withheld_leaves_the_end_of_the_bar_empty(groups, read):
    funnel = with_share(groups, "q2", "accepted", np.nan)
    ax = draw_losses(funnel)
    assert read(ax).count("withheld") == 1
    empty = [bar for bar in ax.patches if bar.get_linestyle() == "--"]
    not_referred = losses_data(funnel).query("group == 'q2'")["share"].iloc[0]
    assert [(bar.get_x(), bar.get_width()) for bar in empty] == [
        pytest.approx((not_referred, 1 - not_referred))
    ]
    told = describe_losses(funnel).partition("Second quarter: ")[2].partition(".")[0]
    assert told == f"not referred {round(100 * not_referred)}%"


def test_titles_say_by_what(cases, groups):
    flat = lambda ax: " ".join(ax.get_title(loc="left").split("\n"))  # noqa: E731
    assert flat(draw_losses(groups, language="nb")).endswith("etter fjerdedel av motivasjon")
    assert flat(draw_losses(so.count_funnel(cases, by="sex"))).endswith(", by sex")
    assert flat(draw_losses(so.count_funnel(cases))) == "Where the target group is lost on the way to work"


def test_merged_gates_have_no_referral(merged_cases, read):
    ax = draw_losses(so.count_funnel(merged_cases))
    assert "Not accepted" in read(ax)
    assert not any("eferred" in text for text in read(ax))


def test_the_alt_text_has_every_share_and_how_it_came_about(groups):
    described = describe_losses(groups, "en")
    for share in losses_data(groups)["share"]:
        assert f" {round(100 * share)}%" in described
    assert "multiplied" in described
