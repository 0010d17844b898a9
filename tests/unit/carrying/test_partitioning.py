"""A key belongs where the Java client puts it."""

from __future__ import annotations

from typing import Final

import pytest
from aiokafka.partitioner import DefaultPartitioner

from tests.support.decisions.declared import shipped
from torghut.carrying.partitioning import murmur2, partition_of

SIGN: Final = 1 << 31

# What Utils.murmur2 and BuiltInPartitioner.partitionForKey of kafka-clients 4.1.0 return, for 12
# partitions and for 7.
JAVA: Final = (
    ("a", -1563381124, 4, 5),
    ("ab", 316155434, 2, 0),
    ("abc", 479470107, 3, 4),
    ("abcd", -1323649548, 8, 5),
    ("abcde", 461995741, 1, 4),
    ("21", -973932308, 0, 3),
    ("foobar", -790332482, 6, 0),
    ("a-little-bit-long-string", -985981536, 8, 1),
    ("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971, 5, 3),
    ("binance-spot:BTCUSDT", 308423736, 0, 5),
    ("binance-spot:ETHUSDT", 1465425763, 7, 4),
    ("binance-usdm:BTCUSDT", -309078771, 5, 1),
    ("fxcm:EURUSD", -2020098704, 0, 1),
    ("fxcm:NZDUSD", 426748828, 4, 2),
    ("index:NASDAQ", -1502221205, 3, 0),
    ("index:SP500", 19451842, 10, 4),
    ("worker-1/11", -809399320, 4, 0),
    ("Zürich", -1551140815, 1, 2),
    ("数", 1521519109, 1, 5),
)


@pytest.mark.parametrize(("key", "hashed", "of_12", "of_7"), JAVA)
def test_key_is_hashed_and_placed_as_the_java_client_does(
    key: str, hashed: int, of_12: int, of_7: int
) -> None:
    encoded = key.encode()

    assert (murmur2(encoded) ^ SIGN) - SIGN == hashed
    assert (partition_of(encoded, 12), partition_of(encoded, 7)) == (of_12, of_7)


def test_aiokafka_places_a_key_where_we_do() -> None:
    theirs = DefaultPartitioner()

    for length in range(40):
        key = bytes(range(200, 200 + length))
        assert theirs(key, list(range(12)), []) == partition_of(key, 12)


def test_every_declared_instrument_has_a_vector_of_its_own() -> None:
    assert {one.symbol for one in shipped().instruments} <= {key for key, *_ in JAVA}
