"""What the candidate made beside everything it could be left for, and how sure that is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from torghut.entrypoints.report.figures import NONE, count, instant
from torghut.entrypoints.report.markup import Content, Markup, element, joined
from torghut.entrypoints.review.drawing import Interval, Span, forest, timeline
from torghut.entrypoints.review.words import bps, figure, length, rows_table, status_class
from torghut.schemas.rollout.evaluation import (
    ArmDifference,
    EvaluationCard,
    EvaluationWindows,
    RegimeDifference,
    TailFigures,
)

_BPS: Final = 1e4
_FINDINGS: Final = {"better": "pass", "worse": "fail", "insufficient": "fail"}


def windows(found: EvaluationWindows) -> Markup:
    """Return how time was split."""
    pieces = [("fit", found.fit), ("select", found.select), ("test", found.test)]
    spans: list[Span] = []
    for name, piece in pieces:
        if spans:
            gap = Span(class_="embargo", first_ns=spans[-1].last_ns, last_ns=piece.first_ns)
            spans.append(gap)
        spans.append(Span(class_=name, first_ns=piece.first_ns, last_ns=piece.last_ns, label=name))
    rows: list[list[tuple[str, Content]]] = [
        [
            ("", name),
            ("text", _USES[name]),
            ("", instant(piece.first_ns)),
            ("", instant(piece.last_ns)),
        ]
        for name, piece in pieces
    ]
    headings = (("", ""), ("used to", "text"), ("from", ""), ("to", ""))
    embargo = (
        f"Between them an embargo of {length(found.embargo_ns)} that nobody uses, in red. Of what "
        "came before the test, only the champion's worst loss is looked at, for the tail."
    )
    return joined(
        (
            timeline(spans, "How the window was split in time"),
            element("p", embargo, class_="note"),
            rows_table("By the receive clock", headings, rows),
        )
    )


_USES: Final = {
    "fit": "learn the market",
    "select": "choose the best single expert",
    "test": "judge: every figure of this page is from it",
}


def differences(card: EvaluationCard) -> Markup:
    """Return the candidate less each baseline."""
    drawn = [
        Interval(
            name=f"less {one.baseline}",
            mean=one.mean * _BPS,
            lower=_scaled(one.lower),
            upper=_scaled(one.upper),
            class_=one.finding,
        )
        for one in card.differences
    ]
    headings = (
        ("candidate less", ""),
        ("finding", "text"),
        ("mean, bps/step", ""),
        ("from", ""),
        ("to", ""),
        ("p, one-sided", ""),
        ("steps", ""),
        ("blocks that differ", ""),
    )
    rows = [_difference(one) for one in card.differences]
    return joined(
        (
            forest(drawn, "Candidate less each baseline, in basis points a step, with interval"),
            rows_table("Gain of a step, net of costs, less the baseline's", headings, rows),
            element("p", *_bounds(card), class_="note"),
            *(element("p", one) for one in power(card)),
        )
    )


def _difference(one: ArmDifference) -> list[tuple[str, Content]]:
    """Return one row."""
    return [
        ("", one.baseline),
        (_FINDINGS.get(one.finding, "wait"), one.finding),
        ("", bps(one.mean)),
        ("", bps(one.lower)),
        ("", bps(one.upper)),
        ("", figure(one.p_better)),
        ("", count(one.n)),
        ("", f"{count(one.differing_blocks)} of {count(one.blocks)}"),
    ]


def _bounds(card: EvaluationCard) -> Iterator[str]:
    """Yield what the bounds are."""
    first = card.differences[0] if card.differences else None
    if first is not None:
        yield (
            f"The lower end is exceeded with probability {1 - first.alpha:.4g}, which "
            f"{count(card.trials)} {'trial' if card.trials == 1 else 'trials'} share "
            f"({card.trials_correction}); the upper end is not reached with "
            f"{1 - first.denial_alpha:.4g}. Of {count(card.resamples)} draws of whole blocks of "
            "time. A basis point is 1/10,000 of the capital allotted."
        )


def power(card: EvaluationCard) -> Iterator[str]:
    """Yield how large an edge would have been seen, in words."""
    for one in card.differences:
        if one.baseline not in ("champion", "no-op"):
            continue
        if one.detectable_edge is None:
            yield (
                f"Power against {one.baseline}: not known, because the two differed too little, or "
                "too little was decided, to say how far chance reaches."
            )
            continue
        edge = one.detectable_edge
        sharpe = (
            ""
            if one.detectable_sharpe is None
            else f" ({one.detectable_sharpe:.3g} annual standard deviations of the candidate)"
        )
        yield (
            f"Power against {one.baseline}: a true edge of {bps(edge)} bps a step{sharpe} would "
            f"have been found in 80 of 100 windows like this one; what was found is "
            f"{bps(one.mean)}, {abs(one.mean) / edge:.2g} times that."
            if edge > 0.0
            else f"Power against {one.baseline}: any edge would have been found."
        )


def regimes(card: EvaluationCard) -> Markup:
    """Return the candidate less the champion by regime."""
    drawn = [
        Interval(
            name=f"{one.name}, {count(one.n)} steps",
            mean=_scaled(one.mean),
            lower=_scaled(one.lower),
            upper=_scaled(one.upper),
            class_="worse" if one.worse else "",
            margin=-one.margin * _BPS,
        )
        for one in card.regimes
    ]
    headings = (
        ("regime", ""),
        ("steps", ""),
        ("mean, bps/step", ""),
        ("from", ""),
        ("to", ""),
        ("may be worse by", ""),
        ("shown worse", "text"),
    )
    rows = [_regime(one) for one in card.regimes]
    return joined(
        (
            forest(drawn, "Candidate less champion by regime, in basis points a step"),
            rows_table("Candidate less champion, by the champion's regime", headings, rows),
            element("p", "Dashed: the margin by which it may be worse in a regime.", class_="note"),
        )
    )


def _regime(one: RegimeDifference) -> list[tuple[str, Content]]:
    """Return one row."""
    return [
        ("", one.name),
        ("", count(one.n)),
        ("", bps(one.mean)),
        ("", bps(one.lower)),
        ("", bps(one.upper)),
        ("", bps(one.margin).lstrip("+")),
        ("fail" if one.worse else "wait", "yes" if one.worse else "no"),
    ]


def tails(tail: TailFigures) -> Markup:
    """Return the large losses of both arms."""
    said = f"{tail.status}{f', {tail.reason}' if tail.reason else ''}"
    ratio = NONE if tail.ratio_upper is None else figure(tail.ratio_upper)
    beyond = f"candidate's losses beyond {figure(tail.limit_ratio)} times that"
    rows: list[list[tuple[str, Content]]] = [
        [("", "the tail gate says"), (status_class(tail.status), said)],
        [
            ("", "mean shortfall of the worst blocks, candidate"),
            ("text", f"{bps(-tail.candidate_shortfall)} bps"),
        ],
        [("", "and champion"), ("text", f"{bps(-tail.champion_shortfall)} bps")],
        [
            ("", "their ratio, upper bound"),
            ("text", f"{ratio}; at most {figure(tail.limit_ratio)}"),
        ],
        [
            ("", "champion's worst step ever"),
            ("text", f"{bps(-tail.worst_loss)} bps, in {count(tail.history + tail.n)} steps"),
        ],
        [
            ("", beyond),
            ("text", f"{count(tail.rare_losses)}, by chance {figure(tail.rare_probability)}"),
        ],
        [
            ("", "largest position, of the capital allotted"),
            (
                "text",
                _beside(tail.candidate_exposure, tail.champion_exposure),
            ),
        ],
    ]
    unseen = [element("li", one) for one in tail.cannot_see]
    return joined(
        (
            rows_table("Large losses", (("", ""), ("", "text")), rows),
            element("p", "No test of this kind can find:", class_="note"),
            element("ul", *unseen, class_="note"),
        )
    )


def _beside(own: float | None, other: float | None) -> str:
    """Return what both arms came to."""
    return f"candidate {figure(own)}, champion {figure(other)}"


def _scaled(value: float | None) -> float | None:
    """Return a ratio in basis points."""
    return None if value is None else value * _BPS
