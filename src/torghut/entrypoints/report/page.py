"""The run report as one HTML file that needs nothing else: no network, no other file.

Its script and its style are named by digest in its own content policy, so nothing that stands in
the data can run, whatever it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from torghut.entrypoints.report.course import course
from torghut.entrypoints.report.document import document, resource
from torghut.entrypoints.report.figures import (
    count,
    duration,
    instant,
    money,
    percent_of,
    rate,
    share,
)
from torghut.entrypoints.report.markup import Content, Markup, element, joined
from torghut.entrypoints.report.tables import decided_counts, failed_gates, refusals, results
from torghut.kernel.times import day
from torghut.workflows.report.summary import FitWindow, Summary, SymbolReport

_PARTS: Final = 4
_SHORT: Final = 16


def page(summary: Summary) -> str:
    """Return the page."""
    script = resource("page.js")
    drawn = [symbol for symbol in summary.symbols if symbol.series is not None]
    body = element(
        "body",
        _header(summary),
        _navigation(drawn),
        _cards(summary),
        _results(summary),
        *(_symbol(symbol) for symbol in drawn),
        _decisions(summary),
        element("h2", "What was refused", id="refusals"),
        refusals(summary),
        _pace(summary),
        _proof(summary),
        element("script", Markup(script)),
    )
    return document(
        f"Run report: {_data(summary)}", body, style=resource("page.css"), script=script
    )


def _data(summary: Summary) -> str:
    """Return what was decided about, and when that was."""
    if not summary.decided:
        return f"{summary.facts.source_kind}, nothing decided"
    names = ", ".join(symbol.symbol for symbol in summary.symbols[:_PARTS])
    more = len(summary.symbols) - _PARTS
    also = f" and {more} more" if more > 0 else ""
    days = dict.fromkeys((day(summary.first_ns), day(summary.last_ns)))
    return f"{names}{also}, {' to '.join(days)}"


def _header(summary: Summary) -> Markup:
    """Return what was run, on what, and that none of it was live."""
    facts = summary.facts
    return element(
        "header",
        element("h1", "Run report"),
        element("p", _data(summary), class_="lead"),
        element("p", *_badges(summary)),
        _facts(
            (
                ("data", f"{facts.source_kind}: {_listed(facts.parts)}"),
                ("licence", facts.licence or "not stated by the source"),
                ("receive times", _span(summary)),
                *(("router package", _fit(fit)) for fit in summary.fits),
                *((name.replace("_", " "), text) for name, text in facts.assumptions.items()),
                ("log", element("code", facts.log)),
            )
        ),
    )


def _badges(summary: Summary) -> Sequence[Content]:
    """Return what must not be overlooked."""
    modes = {mode for symbol in summary.symbols for mode in symbol.modes}
    badges: list[Content] = []
    if "live" in modes:
        badges.append(element("span", "mode live", class_="badge alarm"))
    else:
        badges.append(element("span", "not live", class_="badge"))
    if not summary.balanced:
        badges.append(element("span", "contexts do not add up", class_="badge alarm"))
    if any(fit.overlaps for fit in summary.fits):
        text = "a router package has seen its own run"
        badges.append(element("span", text, class_="badge alarm"))
    modes_text = ", ".join(sorted(modes)) or "none"
    badges.append(
        f"Mode {modes_text}. Every gain below is simulated: the paper book's, filled at the far "
        "side of the first quote after the declared latency, net of spread, slippage and fees."
    )
    if summary.first_block:
        badges.append(f" Blocks before {summary.first_block} of the log are not in this report.")
    return badges


def _navigation(drawn: Sequence[SymbolReport]) -> Markup:
    """Return links to the page's parts."""
    links = [element("a", one.symbol, href=f"#{_anchor(one)}") for one in drawn]
    others = ("decisions", "refusals", "pace", "proof")
    return element("nav", *links, *(element("a", name, href=f"#{name}") for name in others))


def _cards(summary: Summary) -> Markup:
    """Return the few numbers that matter most."""
    warm = sum(sum(symbol.intents_warm.values()) for symbol in summary.symbols)
    abstained = sum(symbol.intents_warm["abstain"] for symbol in summary.symbols)
    changes = sum(symbol.serving.changes for symbol in summary.symbols)
    outcome = "one outcome each" if summary.balanced else "they do not add up"
    cards = [
        (count(summary.contexts), f"contexts, {outcome}"),
        (count(summary.decided), f"decided, {share(summary.decided, summary.contexts)}"),
        (count(summary.refused), f"refused, {share(summary.refused, summary.contexts)}"),
        (share(abstained, warm), "abstained after the warm-up"),
        (count(changes), "changes of a target"),
        (rate(summary.pace.per_second), "contexts, durable, on the wall clock"),
    ]
    return element(
        "div",
        *(
            element("div", element("b", figure), element("span", text), class_="card")
            for figure, text in cards
        ),
        class_="cards",
    )


def _results(summary: Summary) -> Markup:
    """Return what came of it in money."""
    baseline = (
        f"There is no static trend baseline: {summary.trend_left_out}."
        if summary.trend_left_out
        else "Static trend is the same kernel, gates and costs with all weight on the trend "
        "expert; control records (stops, limits, modes) are not mirrored into it."
    )
    return joined(
        (
            element("h2", "What came of it, simulated", id="results"),
            results(summary),
            element(
                "p",
                "Buy and hold buys whole lots worth the allotment, at most the notional cap, at "
                "the first decided ask with slippage and fees, and never sells. All are marked "
                f"at the mid price, open positions included. {baseline} "
                "No figure here is out of sample unless the package's window says so.",
                class_="note",
            ),
        )
    )


def _symbol(symbol: SymbolReport) -> Markup:
    """Return one symbol's charts below a line of its figures."""
    series = symbol.series
    if series is None or not series.price:
        return Markup()
    said = (
        f"{count(symbol.decided)} decided, {count(symbol.refused)} refused, "
        f"{instant(symbol.first_ns)} to {instant(symbol.last_ns)}; "
        f"{money(symbol.serving.gain)} {symbol.currency} simulated, "
        f"{percent_of(symbol.serving.gain, symbol.allotment)} of the allotment."
    )
    return element(
        "section",
        element("h2", symbol.symbol, id=_anchor(symbol)),
        element("p", said),
        course(symbol, series),
        class_="symbol",
    )


def _decisions(summary: Summary) -> Markup:
    """Return the tables that count decisions."""
    arms = [
        element(
            "p",
            f"Shadow arm {arm.arm}: {count(arm.intents_differ)} of {count(arm.decisions)} intents "
            f"({share(arm.intents_differ, arm.decisions)}) are not the serving arm's.",
        )
        for arm in summary.arms
    ]
    differing = sum(symbol.trend_differs for symbol in summary.symbols)
    if not summary.trend_left_out:
        text = (
            f"{count(differing)} intents ({share(differing, summary.decided)}) are not those of "
            "the static trend baseline."
        )
        arms.append(element("p", text))
    return joined(
        (
            element("h2", "What was decided", id="decisions"),
            *arms,
            decided_counts(summary),
            failed_gates(summary),
        )
    )


def _pace(summary: Summary) -> Markup:
    """Return how fast it went."""
    pace = summary.pace
    return joined(
        (
            element("h2", "How fast", id="pace"),
            _facts(
                (
                    ("blocks made durable", count(pace.blocks)),
                    ("wall time", duration(pace.elapsed_ns)),
                    ("contexts", rate(pace.per_second)),
                    ("deciding one context, half within", duration(pace.decide_p50_ns)),
                    ("deciding one context, 99 % within", duration(pace.decide_p99_ns)),
                    ("making a block durable, half within", duration(pace.durable_p50_ns)),
                    ("making a block durable, 99 % within", duration(pace.durable_p99_ns)),
                    ("making a block durable, longest", duration(pace.durable_max_ns)),
                )
            ),
            element(
                "p",
                "Deciding is from a batch in columns to a whole block, hashing included and "
                "reading the source not, divided by its contexts. A decision is handed over only "
                "when its whole block is durable; that time counts from the whole block until the "
                "loop knew, and the next batch is decided meanwhile. Both are measured beside the "
                "decisions and are no part of any.",
                class_="note",
            ),
        )
    )


def _proof(summary: Summary) -> Markup:
    """Return what this run can be checked against, and how."""
    facts = summary.facts
    controls = ", ".join(f"{number} {kind}" for kind, number in summary.controls.items())
    ignored = {"repeated": summary.repeated_controls, "refused": summary.refused_controls}
    besides = "".join(f"; {count} {how}" for how, count in ignored.items() if count)
    return joined(
        (
            element("h2", "How to check it", id="proof"),
            _facts(
                (
                    ("root of all decisions", element("code", facts.root)),
                    ("head of the log", element("code", _head(summary))),
                    ("kernel", f"version {summary.kernel_version}, build {summary.kernel_build}"),
                    ("declarations", element("code", summary.declarations)),
                    ("control records", (controls or "none") + besides),
                )
            ),
            element("pre", "\n".join(facts.commands)),
        )
    )


def _head(summary: Summary) -> str:
    """Return the log's head as commands take it."""
    return f"{summary.facts.head_number}:{summary.facts.head_digest}"


def _facts(facts: Sequence[tuple[str, Content]]) -> Markup:
    """Return names and values below each other."""
    pairs = (element("dt", name) + element("dd", value) for name, value in facts)
    return element("dl", *map(Markup, pairs), class_="facts")


def _listed(names: Sequence[str]) -> str:
    """Return the first names, and how many more there are."""
    more = len(names) - _PARTS
    return ", ".join(names[:_PARTS]) + (f" and {count(more)} more" if more > 0 else "")


def _span(summary: Summary) -> str:
    """Return from when to when contexts were decided."""
    if not summary.decided:
        return "nothing was decided"
    return f"{instant(summary.first_ns)} to {instant(summary.last_ns)}"


def _fit(fit: FitWindow) -> str:
    """Return what a package was fitted on, and whether the run lies behind that."""
    verdict = "OVERLAPS this run" if fit.overlaps else "ends before this run begins"
    return (
        f"{fit.package}@{fit.digest[:_SHORT]}, fitted on {day(fit.from_ns)} to {day(fit.to_ns)}: "
        f"{verdict}"
    )


def _anchor(symbol: SymbolReport) -> str:
    """Return what links to a symbol's charts name."""
    return f"symbol-{symbol.symbol}"
