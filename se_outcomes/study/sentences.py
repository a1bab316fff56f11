"""Numbers in the sentences of summaries and refusals."""

from __future__ import annotations

import pandas as pd


def say_count(n: int) -> str:
    """A count for a refusal: small ones are not told.

    Examples
    --------
    >>> say_count(3), say_count(1204)
    ('fewer than 5', '1,204')
    """
    return "fewer than 5" if n < 5 else f"{n:,}"


def say_offices(n: int) -> str:
    """So many offices.

    Examples
    --------
    >>> say_offices(1), say_offices(5)
    ('1 office', '5 offices')
    """
    return "1 office" if n == 1 else f"{n:,} offices"


def say_number(number: object, form: str) -> str:
    """A number in a format; a colon where it is missing or withheld.

    Examples
    --------
    >>> say_number(0.12345, ".3f"), say_number(float("nan"), ".3f"), say_number(1234, ",")
    ('0.123', ':', '1,234')
    """
    return ":" if pd.isna(number) else format(number, form)  # type: ignore[call-overload]


def say_interval(low: object, high: object, form: str) -> str:
    """An interval in a format.

    Examples
    --------
    >>> say_interval(0.1, 0.25, ".1%"), say_interval(None, None, ".1%")
    ('(10.0% to 25.0%)', '(no interval)')
    """
    return "(no interval)" if pd.isna(low) else f"({say_number(low, form)} to {say_number(high, form)})"  # type: ignore[call-overload]


def say_p_value(p_value: object) -> str:
    """A p-value to three decimals, never as zero.

    Examples
    --------
    >>> say_p_value(0.0423), say_p_value(1e-9)
    ('p = 0.042', 'p < 0.001')
    """
    if pd.isna(p_value):  # type: ignore[call-overload]
        return "no test"
    return "p < 0.001" if float(str(p_value)) < 0.001 else f"p = {say_number(p_value, '.3f')}"
