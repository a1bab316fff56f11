"""Where each group of the eligible is lost on the way to work: four shares that add up to one."""

from __future__ import annotations

import pandas as pd

from se_outcomes.study.funnel import FunnelResult

#: What becomes of a case, in the order of the way; with merged gates nobody is lost at a referral.
FATES = ("not_referred", "not_accepted", "not_placed", "placed")


def share_losses(result: FunnelResult) -> pd.DataFrame:
    """Shares of each group's eligible that are lost at each stage, and that are placed.

    The shares that pass the stages are multiplied: of those referred, the share accepted is that among the
    decided; of those accepted, the share placed is that among those whose outcome is known. So the undecided and
    the unknown are spread as the others of their group go, and no case is counted as lost because it is open.

    Parameters
    ----------
    result : FunnelResult

    Returns
    -------
    DataFrame
        ``group, fate, start, share``: ``start`` is the sum of the shares before. From the first stage whose share is
        missing (withheld, or nobody at risk) on, ``share`` is missing, and so is the next ``start``. Rows of groups
        that nobody belongs to are there too.

    Examples
    --------
    >>> import se_outcomes as so
    >>> losses = share_losses(so.count_funnel(so.simulate_cases(400, seed=1).cases))
    >>> losses["fate"].tolist()
    ['not_referred', 'not_accepted', 'not_placed', 'placed']
    >>> bool(abs(losses["share"].sum() - 1) < 1e-12)
    True
    """
    stages = {"referred": "not_referred", "accepted": "not_accepted", "placed": "not_placed"}
    if result.gates == "merged":
        del stages["referred"]
    passed = result.counts.set_index(["group", "stage"])["estimate"]
    rows = []
    for group in dict.fromkeys(result.counts["group"]):
        reached = 1.0
        for stage, fate in stages.items():
            goes_on = reached * float(passed[group, stage])
            rows.append((group, fate, 1 - reached, reached - goes_on))
            reached = goes_on
        rows.append((group, "placed", 1 - reached, reached))
    return pd.DataFrame(rows, columns=["group", "fate", "start", "share"])
