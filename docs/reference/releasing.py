"""Lets out the schemas that topics carry: from then on their records must stay readable.

``python -m docs.reference.releasing`` writes ``schemas/released/``, and refuses where a schema no
longer takes what its released form allowed.
"""

from __future__ import annotations

import sys
from typing import Final

from docs.reference.schemas import FOLDER
from torghut.adapters.filesystem.declared.topics import load_topics, released_schemas
from torghut.carrying.promises import promises, to_release

RELEASED: Final = FOLDER / "released"


def main() -> int:
    """Write the released form of every schema that a topic carries; say what is broken instead."""
    broken = [one for one in promises(released_schemas(FOLDER.parent)) if one.broken]
    for one in broken:
        for found in one.broken:
            print(f"broken: {one.released}: {found}", file=sys.stderr)  # noqa: T201 - its result
    if broken:
        return 1
    for place, text in to_release(load_topics(FOLDER.parent)).items():
        path = RELEASED / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
