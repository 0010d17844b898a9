"""The last line of a test run: what did not run, why, and what would run it."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Generator, Iterable, Mapping, Sequence
from typing import Final

import pytest

WANTS: Final = {
    "soak": "minutes (make soak)",
    "data": "recorded market data",
    "gpu": "a GPU",
    "system": "a system tool or a server",
    "slow": "more time",
}
"""What a test with that marker wants, in words; the first that fits is counted."""

EXCUSED: Final = frozenset({"data", "gpu"})
"""Markers whose tests CI may skip: what they want cannot be installed."""

DESELECTED: Final = pytest.StashKey[dict[str, int]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option by which a run in CI refuses to pass over tests for want of a tool."""
    parser.addoption(
        "--tools-required",
        action="store_true",
        help="where CI=true, fail if a test was skipped for want of a server or a tool",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Start this run's own count of deselected tests."""
    config.stash[DESELECTED] = dict.fromkeys(WANTS, 0)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: Iterable[pytest.Item]) -> None:
    """Let each test's report carry what the test wants, also from a worker process."""
    for item in items:
        item.user_properties.extend(("wants", marker) for marker in _wanted(item))


def pytest_deselected(items: Iterable[pytest.Item]) -> None:
    """Count the tests that the ``-m`` expression leaves out, by what they want."""
    for item in items:
        for marker in _wanted(item)[:1]:
            item.config.stash[DESELECTED][marker] += 1


@pytest.hookimpl(wrapper=True)
def pytest_sessionfinish(session: pytest.Session) -> Generator[None, None, None]:
    """Hand a worker's count to the controller; where tools are required, refuse their absence."""
    config = session.config
    if hasattr(config, "workeroutput"):
        config.workeroutput["deselected"] = config.stash[DESELECTED]
    elif session.exitstatus == pytest.ExitCode.OK and _refused(config):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
    yield


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: object) -> None:
    """Take over a worker's count; every worker collects everything, so one count is enough."""
    output: Mapping[str, Mapping[str, int]] = getattr(node, "workeroutput", {})
    config: pytest.Config | None = getattr(node, "config", None)
    if config is not None and "deselected" in output:
        config.stash[DESELECTED].update(output["deselected"])


def pytest_unconfigure(config: pytest.Config) -> None:
    """Print the last line, after everything that pytest itself prints."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None or hasattr(config, "workerinput") or config.option.collectonly:
        return
    for reason in _refused(config):
        reporter.write_line(f"CI refuses to skip for want of a server or a tool: {reason}")
    deselected = config.stash[DESELECTED]
    reporter.write_line(last_line(deselected, Counter(map(_reason, _skipped(config)))))


def last_line(deselected: Mapping[str, int], skipped: Mapping[str, int]) -> str:
    """Return what did not run and why, and how to run what ``make test`` leaves out."""
    counts = {want: deselected.get(want, 0) for want in WANTS}
    parts = [f"{count} want {WANTS[want]}" for want, count in counts.items() if count]
    parts += [f"{count} skipped: {reason}" for reason, count in sorted(skipped.items())]
    if not parts:
        return "Not run: nothing."
    line = f"Not run: {'; '.join(parts)}."
    if any(count for want, count in counts.items() if want != "soak"):
        line += (
            " make test-all adds all but the soak tests"
            " (recorded data from ../shared/data or TORGHUT_TEST_DATA)."
        )
    return line


def _wanted(item: pytest.Item) -> list[str]:
    """Return the markers of ``item`` that say what it wants."""
    return [marker for marker in WANTS if item.get_closest_marker(marker) is not None]


def _skipped(config: pytest.Config) -> Sequence[pytest.TestReport]:
    """Return the reports of skipped tests."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    return () if reporter is None else reporter.stats.get("skipped", ())


def _reason(report: pytest.TestReport) -> str:
    """Return why a test was skipped, as the test said it."""
    text = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    return text.removeprefix("Skipped: ")


def _refused(config: pytest.Config) -> Sequence[str]:
    """Return the reasons of skips that a run with required tools does not excuse."""
    if not config.option.tools_required or os.environ.get("CI") != "true":
        return ()
    return sorted({_reason(report) for report in _skipped(config) if not _excused(report)})


def _excused(report: pytest.TestReport) -> bool:
    """Say whether what a skipped test wants cannot be installed."""
    properties = getattr(report, "user_properties", ())  # a whole file's skip has none
    return any(name == "wants" and want in EXCUSED for name, want in properties)
