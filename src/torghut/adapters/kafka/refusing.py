"""Whether a broker answered that it will not: that does not pass by, as being away does."""

from __future__ import annotations

import ssl
from collections.abc import Sequence
from typing import Final

from aiokafka.errors import (
    AuthenticationFailedError,
    AuthenticationMethodNotSupported,
    ClusterAuthorizationFailedError,
    CorruptRecordException,
    GroupAuthorizationFailedError,
    IllegalSaslStateError,
    InconsistentGroupProtocolError,
    InvalidGroupIdError,
    InvalidRequestError,
    InvalidSessionTimeoutError,
    InvalidTimestampError,
    InvalidTopicError,
    InvalidTransactionTimeout,
    MessageSizeTooLargeError,
    PolicyViolationError,
    RecordListTooLargeError,
    RecordTooLargeError,
    SaslAuthenticationFailed,
    TopicAuthorizationFailedError,
    TransactionalIdAuthorizationFailed,
    UnknownTopicOrPartitionError,
    UnsupportedCodecError,
    UnsupportedSaslMechanismError,
    UnsupportedVersionError,
)

from torghut.carrying.errors import BrokerRefusedError

_ENTRY: Final = (
    AuthenticationFailedError,
    AuthenticationMethodNotSupported,
    IllegalSaslStateError,
    SaslAuthenticationFailed,
    UnsupportedSaslMechanismError,
    ssl.SSLError,
)
"""What there is of a broker that lets somebody not in, or that somebody does not trust."""

_CUT: Final = (ssl.SSLEOFError, ssl.SSLZeroReturnError)
"""What a connection ends with whose other end just went away."""

_REMEDIES: Final[Sequence[tuple[tuple[type[BaseException], ...], str]]] = (
    (_ENTRY, "see who may log in, and what the broker's own log says"),
    (
        (
            ClusterAuthorizationFailedError,
            GroupAuthorizationFailedError,
            TopicAuthorizationFailedError,
            TransactionalIdAuthorizationFailed,
        ),
        "let this user do so with the broker's own kafka-acls",
    ),
    (
        (MessageSizeTooLargeError, RecordListTooLargeError, RecordTooLargeError),
        "it is larger than is taken: raise the topic's max.message.bytes, or send less at once",
    ),
    (
        (InvalidTopicError, UnknownTopicOrPartitionError),
        "make what is declared with `torghut topics apply`",
    ),
    (
        (CorruptRecordException,),
        "these bytes are not as they were written: have the partition from another replica",
    ),
    ((UnsupportedCodecError,), "let its producer compress with gzip, or not at all"),
    (
        (
            InconsistentGroupProtocolError,
            InvalidGroupIdError,
            InvalidRequestError,
            InvalidSessionTimeoutError,
            InvalidTimestampError,
            InvalidTransactionTimeout,
            PolicyViolationError,
            UnsupportedVersionError,
        ),
        "see the broker's settings, and what its own log says",
    ),
)
"""What does not pass by, and what to do about it; of anything else a later try may come to more."""


def refused(asked: str, errors: Sequence[BaseException]) -> BrokerRefusedError | None:
    """Return what a broker that is there will not do; None where none of the errors says so."""
    for error in errors:
        for kinds, remedy in _REMEDIES:
            if isinstance(error, kinds) and not isinstance(error, _CUT):
                found = reason(error) if isinstance(error, _ENTRY) else str(error)
                return BrokerRefusedError(asked=asked, found=found, remedy=remedy)
    return None


def reason(error: BaseException) -> str:
    """Return what an error is, without the broker's own words, which may quote anything."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"{type(error).__name__}: {error.verify_message}"
    return type(error).__name__
