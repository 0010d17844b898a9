"""The gate: who comes, with which token, and not too often."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from torghut.kernel.errors import TorghutError
from torghut.workflows.live.access.errors import (
    TokenMissingError,
    TokensAwayError,
    TokenUnknownError,
)
from torghut.workflows.live.access.rates import Rates
from torghut.workflows.live.access.tokens import Caller, Keyring, TokenSource

_SCHEME: Final = b"bearer"


@dataclass(slots=True, kw_only=True)
class Gatekeeper:
    """Lets in who has a token.

    Attributes:
        tokens: Those that are good.
        rates: How often each may be used.
        unread: Told, once, why nobody can tell which are good; who asks is not.
    """

    tokens: TokenSource
    rates: Rates
    unread: Callable[[TorghutError], None] = lambda _: None
    _fault: str = ""

    def admit(self, authorization: Sequence[bytes]) -> Caller:
        """Return who a request comes from.

        Args:
            authorization: Its headers of that name.

        Raises:
            TokenMissingError: There is none.
            TokenUnknownError: It is not one, or none that is good.
            TokensAwayError: Nobody can tell.
            RateExceededError: There were too many requests before it.
        """
        if not authorization:
            raise TokenMissingError
        scheme, _, token = authorization[0].partition(b" ")
        if len(authorization) > 1 or scheme.lower() != _SCHEME:
            raise TokenUnknownError
        keyring = self._keyring()
        if keyring is None:
            raise TokensAwayError
        caller = keyring.find(token.strip())
        if caller is None:
            raise TokenUnknownError
        self.rates.count(caller.name)
        return caller

    def lost(self, caller: Caller) -> bool:
        """Say whether a token that was good is known not to be any more.

        While nobody can tell, what was begun goes on; nobody new is admitted.
        """
        keyring = self._keyring()
        return keyring is not None and not keyring.has(caller)

    def _keyring(self) -> Keyring | None:
        """Return the tokens that are good; None while nobody can tell, which is told once."""
        try:
            keyring = self.tokens.keyring()
        except TorghutError as error:
            if str(error) != self._fault:
                self.unread(error)
            self._fault = str(error)
            return None
        self._fault = ""
        return keyring
