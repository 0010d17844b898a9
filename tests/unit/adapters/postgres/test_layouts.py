"""The layout that the code reads and writes is the last one that the migrations make."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from alembic.script import ScriptDirectory

from torghut.adapters.postgres.layout import LAYOUT

MIGRATIONS = Path(str(files("torghut.adapters.postgres") / "migrations"))


def test_code_speaks_the_layout_of_the_last_migration() -> None:
    script = ScriptDirectory(str(MIGRATIONS))

    assert script.get_heads() == [LAYOUT]


def test_layouts_count_up_one_by_one() -> None:
    names = [one.revision for one in ScriptDirectory(str(MIGRATIONS)).walk_revisions()]

    assert names == [str(number) for number in range(len(names), 0, -1)]
