"""The gate: who comes, with which token, and not too often."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from torghut.kernel.errors import TorghutError
from torghut.workflows.live.access.errors import TokenMissingError, TokenUnknownError
from torghut.workflows.live.access.rates import Rates
from torghut.workflows.live.access.tokens import Caller, TokenSource

_SCHEME: Final = b"bearer"


@dataclass(frozen=True, slots=True, kw_only=True)
class Gatekeeper:
    """Lets in who has a token.

    Attributes:
        tokens: Those that are good.
        rates: How often each may be used.
    """

    tokens: TokenSource
    rates: Rates

    def admit(self, authorization: Sequence[bytes]) -> Caller:
        """Return who a request comes from.

        Args:
            authorization: Its headers of that name.

        Raises:
            TokenMissingError: There is none.
            TokenUnknownError: It is not one, or none that is good.
            RateExceededError: There were too many requests before it.
        """
        if not authorization:
            raise TokenMissingError
        scheme, _, token = authorization[0].partition(b" ")
        if len(authorization) > 1 or scheme.lower() != _SCHEME:
            raise TokenUnknownError
        caller = self.tokens.keyring().find(token.strip())
        if caller is None:
            raise TokenUnknownError
        self.rates.count(caller.name)
        return caller

    def lost(self, caller: Caller) -> bool:
        """Say whether a token that was good is known not to be any more.

        While nobody can tell, what was begun goes on; nobody new is admitted.
        """
        try:
            return not self.tokens.keyring().has(caller)
        except TorghutError:
            return False
