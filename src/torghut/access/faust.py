"""What may be chosen of a worker on Faust."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class FaustChoices:
    """What may be chosen of a worker on Faust.

    Attributes:
        web: Where Faust's own pages are, host and port; None for none.
    """

    web: tuple[str, int] | None = None
