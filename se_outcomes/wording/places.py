"""What the gates are called, how far a case came at them, and what those who came as far are made up of."""

from __future__ import annotations

from collections.abc import Collection

from se_outcomes.wording.words import Words


def say_status(status: str, statuses: Collection[str], words: Words) -> str:
    """How far a case came; where nobody can be "not referred" the gates are one, and nobody is referred first.

    Examples
    --------
    >>> from se_outcomes.wording.words import speak
    >>> words = speak("en")
    >>> say_status("not_accepted", ["not_referred", "not_accepted", "accepted"], words)
    'Referred, not accepted'
    >>> say_status("not_accepted", ["not_accepted", "accepted"], words)
    'Not accepted'
    """
    is_merged = status == "not_accepted" and "not_referred" not in statuses
    return words.say("status_not_accepted_merged" if is_merged else f"status_{status}")


def say_gate(gate: str, gates: Collection[str], words: Words) -> str:
    """What a gate is called; where there are not two, both are one: acceptance.

    Examples
    --------
    >>> from se_outcomes.wording.words import speak
    >>> say_gate("both", ["gate_1", "gate_2", "both"], speak("en")), say_gate("both", ["both"], speak("en"))
    ('Both gates', 'Acceptance')
    """
    return words.say("gate_merged" if set(gates) == {"both"} else f"gate_{gate}")


def say_variable(variable: str, words: Words) -> str:
    """What a variable is called; quarters by the name of the number that they are quarters of.

    Examples
    --------
    >>> from se_outcomes.wording.words import speak
    >>> say_variable("motivation_group", speak("nn")), say_variable("age_group", speak("nn"))
    ('Motivasjon', 'Aldersgruppe')
    """
    is_known = words.column(variable) != variable
    return words.column(variable if is_known else variable.removesuffix("_group"))
