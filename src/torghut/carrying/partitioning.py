"""Which partition a key belongs to: murmur2, as the Java client does where nobody says otherwise.

Clients differ in what they do by default: librdkafka hashes by CRC32, and some send a record to
whichever partition is free. A symbol then has two orders. So the partitioner is declared, every
producer of ours uses this one, and a worker quarantines what stands elsewhere
(``market.wrong-partition``).
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

_SEED: Final = 0x9747B28C
_MIX: Final = 0x5BD1E995
_WORD: Final = 0xFFFFFFFF
_POSITIVE: Final = 0x7FFFFFFF

_KEYS_MAX: Final = 65_536
"""Keys whose hash is remembered: as many as there are symbols that a process is likely to see."""


@lru_cache(maxsize=_KEYS_MAX)
def murmur2(key: bytes) -> int:
    """Return the 32-bit MurmurHash2 of ``key`` with Kafka's seed, from 0.

    Example:
        >>> murmur2(b"foobar") - (1 << 32)  # the Java client counts it as a signed number
        -790332482
    """
    mixed = _SEED ^ len(key)
    whole = len(key) & ~3
    for at in range(0, whole, 4):
        word = int.from_bytes(key[at : at + 4], "little") * _MIX & _WORD
        word = (word ^ word >> 24) * _MIX & _WORD
        mixed = (mixed * _MIX & _WORD) ^ word
    if rest := key[whole:]:
        mixed = (mixed ^ int.from_bytes(rest, "little")) * _MIX & _WORD
    mixed = (mixed ^ mixed >> 13) * _MIX & _WORD
    return mixed ^ mixed >> 15


def partition_of(key: bytes, partitions: int) -> int:
    """Return the partition, from 0, that ``key`` belongs to in a topic of so many.

    Example:
        >>> partition_of(b"fxcm:EURUSD", 12)
        0
    """
    return (murmur2(key) & _POSITIVE) % partitions
