"""Where candidate and champion disagreed most, and what to type to see the champion's decision."""

from __future__ import annotations

import shlex

from torghut.entrypoints.report.figures import count, instant, quantity, share
from torghut.entrypoints.report.markup import Content, Markup, element, joined
from torghut.entrypoints.review.words import bps, rows_table
from torghut.schemas.reviewing.disagreements import Disagreement, Disagreements

_HEADINGS = (
    ("", ""),
    ("symbol", "word"),
    ("apart from", ""),
    ("contexts", ""),
    ("furthest apart at", ""),
    ("candidate held", ""),
    ("and made, bps", ""),
    ("champion held", ""),
    ("and made, bps", ""),
)


def disagreements(found: Disagreements | None) -> Markup:
    """Return the largest disagreements, each with the command that shows the champion's side."""
    if found is None:
        return element("p", "None are on record: no evaluation came that far.", class_="note")
    if not found.largest:
        return element("p", "They held the same throughout.", class_="note")
    numbered = list(enumerate(found.largest, start=1))
    commands = [element("li", element("code", command(one, found.log))) for _, one in numbered]
    return joined(
        (
            element(
                "p",
                f"They held different positions at {count(found.contexts_apart)} of "
                f"{count(found.contexts)} contexts, {share(found.contexts_apart, found.contexts)}, "
                f"in {count(found.stretches)} stretches. These are the ones whose gains differ "
                "most; positions are in units, held after the context named.",
            ),
            rows_table(
                "Largest disagreements", _HEADINGS, [_row(number, one) for number, one in numbered]
            ),
            element(
                "p",
                "What the log recorded there, with everything that led to it. Here both were "
                "decided again on paper, so a stop or a fill of the log's own may make its "
                "decision another one.",
                class_="note",
            ),
            element("ol", *commands, class_="commands"),
        )
    )


def command(one: Disagreement, log: str) -> str:
    """Return what to type to see the decision that the log recorded."""
    words = ("torghut", "decision", "show", one.widest_context, "--log", log or "LOG")
    return shlex.join(words)


def _row(number: int, one: Disagreement) -> list[tuple[str, Content]]:
    """Return one stretch."""
    return [
        ("", str(number)),
        ("word", one.symbol),
        ("", instant(one.first_ns)),
        ("", count(one.contexts)),
        ("", instant(one.widest_ns)),
        ("", quantity(one.candidate_position)),
        ("", bps(one.candidate_net)),
        ("", quantity(one.champion_position)),
        ("", bps(one.champion_net)),
    ]
