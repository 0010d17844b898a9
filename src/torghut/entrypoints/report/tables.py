"""The page's tables: results by symbol, and counts by name with their shares."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from torghut.entrypoints.report.figures import NONE, count, money, paid, percent_of, share
from torghut.entrypoints.report.markup import Content, Markup, element
from torghut.workflows.report.summary import (
    Counts,
    Performance,
    RefusalExample,
    Summary,
    SymbolReport,
    total,
)

SIDE_BY_SIDE: Final = 6
"""Most symbols that a table of counts has columns for; then there is only the total."""


def table(
    caption: str,
    headings: Sequence[str],
    rows: Sequence[Sequence[Content]],
    *,
    text: Sequence[int] = (),
    main: Sequence[int] = (),
) -> Markup:
    """Return a table; the first cell of each row names it.

    Args:
        caption: What it shows.
        headings: One a column.
        rows: One cell a column.
        text: Columns that hold words.
        main: Rows that stand out.
    """
    head = element("tr", *(_cell("th", text_, i in text) for i, text_ in enumerate(headings)))
    body = [
        element(
            "tr",
            element("th", row[0]),
            *(_cell("td", cell, i in text) for i, cell in enumerate(row[1:], start=1)),
            class_="main" if number in main else "row",
        )
        for number, row in enumerate(rows)
    ]
    content = element(
        "table",
        element("caption", caption),
        element("thead", head),
        element("tbody", *body),
    )
    return element("div", content, class_="scroll")


def results(summary: Summary) -> Markup:
    """Return what each way of deciding came to, by symbol."""
    rows: list[Sequence[Content]] = []
    main: list[int] = []
    for symbol in summary.symbols:
        if not symbol.decided:
            continue
        main.append(len(rows))
        rows.append(_result(f"{symbol.symbol}, {symbol.currency}", symbol, symbol.serving))
        rows.append(_result("buy and hold", symbol, symbol.holding))
        if symbol.trend is not None:
            rows.append(_result("static trend", symbol, symbol.trend))
    headings = (
        "",
        "gain, net",
        "of allotment",
        "before costs",
        "fees",
        "spread and slippage",
        "turnover, allotments",
        "max. drawdown",
        "changes of target",
    )
    return table("Simulated results, in each symbol's quote currency", headings, rows, main=main)


def decided_counts(summary: Summary) -> Markup:
    """Return the tables that count decisions, side by side."""
    return element(
        "div",
        _counts(summary, "Intents", lambda one: one.intents),
        _counts(summary, "Intents after the warm-up", lambda one: one.intents_warm),
        _counts(summary, "Leading expert after the warm-up", lambda one: one.leads_warm),
        _counts(summary, "Likeliest regime", lambda one: one.regimes),
        _counts(summary, "Path", lambda one: one.paths),
        _counts(summary, "Asked for advice because of", lambda one: one.triggers),
        _counts(summary, "Reasons", lambda one: one.reasons),
        class_="columns",
    )


def failed_gates(summary: Summary) -> Markup:
    """Return how many decisions failed each gate, and what failing it does."""
    shown = _columns(summary)
    counted = total([symbol.gates for symbol in summary.symbols])
    rows = [
        (
            rule.gate,
            _with_share(counted.get(rule.gate, 0), summary.decided),
            *(_with_share(one.gates.get(rule.gate, 0), one.decided) for one in shown),
            rule.on_fail,
            rule.owner,
        )
        for rule in summary.gates
    ]
    headings = ("gate", "all", *(one.symbol for one in shown), "failing it means", "owner")
    words = (len(headings) - 2, len(headings) - 1)
    return table("Decisions that failed a gate", headings, rows, text=words)


def refusals(summary: Summary) -> Markup:
    """Return what was refused, by code and symbol, with examples."""
    if not summary.refused:
        return element("p", "Nothing was refused.")
    shown = _columns(summary)
    rows = [
        (
            code,
            _with_share(number, summary.contexts),
            *(count(one.refusals.get(code, 0)) for one in shown),
            count(summary.unattributed.get(code, 0)),
        )
        for code, number in summary.refusals.items()
    ]
    headings = ("code", "all", *(one.symbol for one in shown), "naming no symbol")
    return element("div", table("Refused contexts", headings, rows), _examples(summary.examples))


def _examples(examples: Sequence[RefusalExample]) -> Markup:
    """Return where the first refusals of each code are to be found."""
    rows = [(one.code, one.where, element("code", one.excerpt)) for one in examples]
    return table("The first of each", ("code", "where", "begins"), rows, text=(1, 2))


def _result(name: str, symbol: SymbolReport, result: Performance) -> Sequence[str]:
    """Return one row of results."""
    costs = result.fees + result.slippage
    turnover = f"{result.turnover / symbol.allotment:,.1f}" if symbol.allotment else NONE
    return (
        name,
        money(result.gain),
        percent_of(result.gain, symbol.allotment),
        money(result.gain + costs),
        paid(result.fees),
        paid(result.slippage),
        turnover,
        paid(result.drawdown),
        count(result.changes),
    )


def _counts(summary: Summary, caption: str, of: Callable[[SymbolReport], Counts]) -> Markup:
    """Return one table of counts by name; names that never occurred are left out."""
    shown = _columns(summary)
    sums = total([of(symbol) for symbol in summary.symbols])
    whole = sum(sums.values()) if caption.startswith(("Intents", "Lead")) else summary.decided
    rows = [
        (
            name,
            _with_share(number, whole),
            *(count(of(one).get(name, 0)) for one in shown),
        )
        for name, number in sums.items()
        if number
    ]
    if not rows:
        return Markup()
    return table(caption, ("", "all", *(one.symbol for one in shown)), rows)


def _columns(summary: Summary) -> Sequence[SymbolReport]:
    """Return the symbols that have columns of their own."""
    several = 1 < len(summary.symbols) <= SIDE_BY_SIDE
    return summary.symbols if several else ()


def _with_share(number: int, whole: int) -> Markup:
    """Return a count and its share."""
    return Markup(f"{count(number)}{element('small', share(number, whole))}")


def _cell(name: str, content: Content, is_text: bool) -> Markup:  # noqa: FBT001
    """Return one cell."""
    return element(name, content, class_="text") if is_text else element(name, content)
