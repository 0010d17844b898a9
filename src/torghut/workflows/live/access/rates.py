"""How often each token may be used: as many times a second as declared, twice that at once."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import ceil
from typing import Final

from torghut.kernel.clock import SteadyClock
from torghut.kernel.units import MS_PER_S, NS_PER_S
from torghut.workflows.live.access.errors import RateExceededError

_BURST_S: Final = 2


@dataclass(slots=True)
class _Bucket:
    """What is left of one token's allowance."""

    left: float
    seen_ns: int


@dataclass(slots=True, kw_only=True)
class Rates:
    """Counts requests by the name of their token.

    Attributes:
        per_s: Requests that one token may make in a second.
        steady: Tells how much time has passed.
    """

    per_s: int
    steady: SteadyClock
    _buckets: dict[str, _Bucket] = field(default_factory=dict)

    def count(self, name: str) -> None:
        """Count one request.

        Raises:
            RateExceededError: There were too many before it; this one is not counted.
        """
        now_ns, most = self.steady.now_ns(), float(_BURST_S * self.per_s)
        bucket = self._buckets.setdefault(name, _Bucket(left=most, seen_ns=now_ns))
        bucket.left = min(most, bucket.left + (now_ns - bucket.seen_ns) / NS_PER_S * self.per_s)
        bucket.seen_ns = now_ns
        if bucket.left < 1.0:
            wait_ms = ceil((1.0 - bucket.left) / self.per_s * MS_PER_S)
            raise RateExceededError(name=name, limit=self.per_s, retry_after_ms=wait_ms)
        bucket.left -= 1.0
