"""Who waits for what becomes of a context that is on its way."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field


@dataclass(slots=True)
class Asked:
    """Contexts that were offered and are not decided yet, each with everybody who asked for it.

    One who gives up takes nothing away from the others: each has a future of their own.
    """

    _waiting: dict[str, list[asyncio.Future[bytes]]] = field(default_factory=dict)

    def __contains__(self, context_id: str) -> bool:
        """Return whether a context is on its way."""
        return context_id in self._waiting

    def expect(self, context_id: str) -> None:
        """Take in that a context is on its way."""
        self._waiting.setdefault(context_id, [])

    def ask(self, context_id: str) -> asyncio.Future[bytes]:
        """Return what will be told of a context that is on its way."""
        answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._waiting[context_id].append(answer)
        return answer

    def tell(self, context_id: str, line: bytes) -> None:
        """Tell everybody what became of a context, which is durable."""
        for answer in self._waiting.pop(context_id, ()):
            if not answer.done():
                answer.set_result(line)
