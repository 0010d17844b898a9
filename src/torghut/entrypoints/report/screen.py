"""The run report on one screen of a terminal: at most 40 lines of 100 columns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from textwrap import wrap
from typing import Final

from rich.box import SIMPLE_HEAD
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from torghut.entrypoints.report.figures import (
    NONE,
    count,
    duration,
    money,
    paid,
    printable,
    rate,
    share,
)
from torghut.kernel.times import day
from torghut.workflows.report.summary import Counts, Summary, SymbolReport, total

LINES: Final = 40
COLUMNS: Final = 100

_SYMBOLS: Final = 4
_NAMED: Final = 5
_COMMANDS: Final = 3
_NAME: Final = 10
_LINES_EACH: Final = 2


def print_screen(summary: Summary, console: Console | None = None) -> None:
    """Print the screen, by default to standard output."""
    (console or Console(highlight=False, width=COLUMNS)).print(screen(summary))


def screen(summary: Summary) -> RenderableType:
    """Return the screen."""
    return Group(
        *_heading(summary),
        Text(),
        *_counts(summary),
        _results(summary),
        *_after_results(summary),
        *_proof(summary),
    )


def _line(name: str, text: str, *, style: str = "") -> Text:
    """Return a text beside its name, in one line or two, cut where that does not do."""
    lines = wrap(printable(text), COLUMNS - _NAME - 1, max_lines=_LINES_EACH, placeholder=" [...]")
    indented = ("\n" + " " * _NAME).join(lines)
    return Text.assemble((f"{name:<{_NAME}}", "dim"), (indented, style))


def _heading(summary: Summary) -> Iterator[Text]:
    """Yield what was run, on what, and that it was not live."""
    facts = summary.facts
    modes = sorted({mode for symbol in summary.symbols for mode in symbol.modes})
    live = "MODE LIVE" if "live" in modes else "not live"
    names = [symbol.symbol for symbol in summary.symbols]
    yield _line("run", f"{facts.source_kind}: {_some(names)}", style="bold")
    days = dict.fromkeys((day(summary.first_ns), day(summary.last_ns)))
    when = " to ".join(days) if summary.decided else "nothing decided"
    licence = facts.licence or "not stated"
    yield _line("data", f"{when}; licence {licence}")
    yield _line("mode", f"{live}: {', '.join(modes) or 'none'}; every gain below is simulated")
    for fit in summary.fits[:2]:
        verdict = "OVERLAPS this run" if fit.overlaps else "ends before this run begins"
        window = f"{day(fit.from_ns)} to {day(fit.to_ns)}"
        yield _line("package", f"{fit.package}@{fit.digest[:12]}, fitted {window}: {verdict}")
    if summary.first_block:
        yield _line("", f"blocks before {summary.first_block} of the log are not counted here")


def _counts(summary: Summary) -> Iterator[Text]:
    """Yield every context's outcome, to the unit."""
    sum_ = f"{count(summary.decided)} decided + {count(summary.refused)} refused"
    sign = "=" if summary.balanced else "IS NOT"
    yield _line("contexts", f"{count(summary.contexts)} {sign} {sum_}", style="bold")
    yield _line("refused", _named(summary.refusals, summary.contexts) or "none")
    warm = [symbol.intents_warm for symbol in summary.symbols]
    yield _line("intents", f"after the warm-up: {_named(total(warm)) or 'none'}")
    leads = [symbol.leads_warm for symbol in summary.symbols]
    yield _line("led by", _named(total(leads)) or "nobody")
    gates = total([symbol.gates for symbol in summary.symbols])
    yield _line("gates", _named(gates, summary.decided) or "none failed")


def _results(summary: Summary) -> Table:
    """Return the simulated results by symbol."""
    columns = ["simulated gain, net", "as decided", "buy and hold", "static trend"]
    columns += ["costs", "max. drawdown", "changes"]
    table = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0), show_edge=False)
    for name in columns:
        table.add_column(name, justify="left" if name == columns[0] else "right", no_wrap=True)
    for symbol in summary.symbols[:_SYMBOLS]:
        table.add_row(*map(Text, _result(symbol)))
    return table


def _result(symbol: SymbolReport) -> Sequence[str]:
    """Return one symbol's row."""
    serving = symbol.serving
    return (
        printable(f"{symbol.symbol} {symbol.currency}"),
        money(serving.gain),
        money(symbol.holding.gain),
        NONE if symbol.trend is None else money(symbol.trend.gain),
        paid(serving.fees + serving.slippage),
        paid(serving.drawdown),
        count(serving.changes),
    )


def _after_results(summary: Summary) -> Iterator[Text]:
    """Yield what the table leaves out."""
    more = len(summary.symbols) - _SYMBOLS
    if more > 0:
        yield _line("", f"and {count(more)} more symbols on the page")
    if summary.trend_left_out:
        yield _line("", f"no static trend baseline: {summary.trend_left_out}")
    for arm in summary.arms[:1]:
        differing = f"{count(arm.intents_differ)} of {count(arm.decisions)} intents differ"
        yield _line("shadow", f"{arm.arm}: {differing}")


def _proof(summary: Summary) -> Iterator[Text]:
    """Yield where everything is and how to check it."""
    facts, pace = summary.facts, summary.pace
    speed = f"{rate(pace.per_second)}, {duration(pace.elapsed_ns)}, {count(pace.blocks)} blocks"
    yield _line("pace", speed)
    if pace.decide_p50_ns is not None:
        decided = f"{duration(pace.decide_p50_ns)}, 99 % {duration(pace.decide_p99_ns)}"
        durable = f"{duration(pace.durable_p50_ns)}, 99 % {duration(pace.durable_p99_ns)}"
        yield _line("half in", f"{decided} to decide a context; {durable} to make a block durable")
    yield _line("root", facts.root)
    yield _line("head", f"{facts.head_number}:{facts.head_digest}")
    yield _line("log", facts.log)
    if facts.page:
        yield _line("page", facts.page)
    for number, command in enumerate(facts.commands[:_COMMANDS]):
        yield _line("" if number else "try", command, style="bold")


def _named(counts: Counts, whole: int = 0) -> str:
    """Return the largest counts with their shares, and how many names are left out."""
    present = {name: number for name, number in counts.items() if number}
    base = whole or sum(present.values())
    words = [
        f"{name} {count(number)} ({share(number, base)})"
        for name, number in list(present.items())[:_NAMED]
    ]
    more = len(present) - _NAMED
    return ", ".join(words) + (f", {more} more" if more > 0 else "")


def _some(names: Sequence[str]) -> str:
    """Return the first names, and how many there are besides."""
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {count(more)} more" if more > 0 else "")
