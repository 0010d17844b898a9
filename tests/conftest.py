"""What every test shares: how all are collected, how examples are searched, where data is."""

from __future__ import annotations

import gc
import os
import signal
from collections.abc import Generator
from pathlib import Path
from typing import Final

import hypothesis
import pytest

ROOT: Final = Path(__file__).resolve().parents[1]

# Compiled kernels make the first example of a property slow, so no example has a deadline.
# A property that does not say how long it is searched is searched longer by make test-all.
THOROUGH: Final = hypothesis.settings(deadline=None, print_blob=True, max_examples=60)
hypothesis.settings.register_profile("thorough", THOROUGH)
hypothesis.settings.register_profile("torghut", THOROUGH, max_examples=25)
hypothesis.settings.load_profile("torghut")


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Let no search for garbage go through what is collected: all of it stays until the end."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_sessionstart() -> None:
    """Let Ctrl-C reach what tests start: a shell takes it from what it runs in the background."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Generator[None, object, object]:
    """Let a connection that a test left open be found by it, not by whichever test comes later."""
    found = yield
    if any(pyfuncitem.get_closest_marker(name) for name in ("system", "enable_socket")):
        gc.collect()
    return found


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish() -> None:
    """Let only one search for garbage go through all that a run has made; pytest makes five."""
    gc.collect()
    gc.freeze()


@pytest.fixture
def little_to_search() -> None:
    """Let a test's search for garbage go through what the test makes, not through all there is."""
    gc.collect(1)  # what was dropped a moment ago is not to be kept for good
    gc.freeze()


@pytest.fixture(scope="session")
def recorded_data() -> Path:
    """Return the folder of recorded market data, or skip and name the path that is missing."""
    folder = Path(os.environ.get("TORGHUT_TEST_DATA") or ROOT.parent / "shared" / "data")
    if not folder.is_dir():
        pytest.skip(f"no recorded market data at {folder}")
    return folder
