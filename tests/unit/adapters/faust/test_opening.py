"""Who has not installed the extra is told which one it is."""

from __future__ import annotations

import sys

import pytest

from torghut.access.broker import BrokerAccess
from torghut.access.faust import FaustChoices
from torghut.adapters.faust.opening import FaustExtraMissingError, open_faust


def test_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [one for one in sys.modules if one.startswith("torghut.adapters.faust.")]:
        if not name.endswith(".opening"):
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "faust.app", None)

    with pytest.raises(FaustExtraMissingError, match=r"torghut\[kafka,faust\]") as caught:
        open_faust(
            BrokerAccess(bootstrap="localhost:1"), FaustChoices(), client_id="c", budget_ms=1
        )

    assert caught.value.package == "faust.app"
