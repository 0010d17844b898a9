"""What a load needs: reckoned from figures, unknown where there are none, and said so."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from math import inf, nan
from typing import Final

import pytest

from benchmarks.figures import Line, Result
from benchmarks.records import RECORDED, Group, Record
from docs.reference.scaling.__main__ import main
from docs.reference.scaling.bounds import Declared, Sizes, TopicLoad
from docs.reference.scaling.figures import Figure, Measured, measured
from docs.reference.scaling.loads import Answer, Lack, Load, Machines
from docs.reference.scaling.needs import Cycle, Needs, cycle, fullest_share, held_core_rate
from docs.reference.scaling.page import LOADS, record_page
from docs.reference.scaling.sizes import declared, sizes
from docs.reference.scaling.walls import next_wall, reached, unknown, walls

SIZES: Final = Sizes(
    context_value=400,
    context_record=500,
    decision_value=3_000,
    decision_record=3_500,
    decision_row=480,
    block_each=500,
    block_fixed=1_000,
)
DECLARED: Final = Declared(
    contexts=TopicLoad(name="contexts", retention_hours=24, readers=2, copies=3),
    decisions=TopicLoad(name="decisions", retention_hours=240, readers=3, copies=3),
    others=(TopicLoad(name="commands", retention_hours=None, readers=1, copies=3),),
    partitions=12,
    partitions_max=1_024,
    block_max=1_000,
    snapshot_blocks=4_000,
)
CARRYING: Final = Group(
    name="carrying",
    about="a worker",
    results=(
        Line(
            measurement="Kafka in, durable decision, Kafka out",
            unit="decisions/s",
            cpu=10_000.0,
            wall=8_000.0,
        ),
        Line(
            measurement="decisions with workers held to 25% of a core: 2",
            unit="decisions/s",
            wall=3_800.0,
            wall_ratio=1.9,
        ),
        Line(
            measurement="decisions with workers held to 25% of a core: 4",
            unit="decisions/s",
            wall=6_400.0,
            wall_ratio=3.2,
        ),
    ),
)
DATABASE: Final = Group(
    name="database",
    about="appending",
    results=(
        # 5 ms, and 10 us for each decision
        Line(
            measurement="append to PostgreSQL, blocks of 1,000 decisions",
            unit="decisions/s",
            wall=1_000 / 0.015,
        ),
        Line(
            measurement="append to PostgreSQL, blocks of 100 decisions",
            unit="decisions/s",
            wall=100 / 0.006,
        ),
    ),
)
READBACK: Final = Group(
    name="readback",
    about="reading",
    results=(
        Line(
            measurement="replay of a log, every byte compared, 500 symbols",
            unit="decisions/s",
            wall=100_000.0,
        ),
    ),
)


def record(*groups: Group) -> Record:
    return Record(
        measured_on="2014-05-02",
        commit="",
        rounds=11,
        quick=False,
        machine={"processor": "a fast one", "cores": "2", "fdatasync": "0.50 ms"},
        versions={},
        groups=groups,
    )


EVERYTHING: Final = measured(record(CARRYING, DATABASE, READBACK))


def needs(
    rate: float, *, symbols: int = 1_000, found: Measured = EVERYTHING, share: float = 0.5
) -> Needs:
    return Needs(Load(rate=rate, symbols=symbols), Machines(share=share), found, SIZES, DECLARED)


def known(answer: Answer) -> float:
    assert not isinstance(answer, Lack)
    return answer


def test_figures_are_read_from_the_lines_that_name_them() -> None:
    assert EVERYTHING.worker_cpu == Figure(
        10_000.0, "carrying: Kafka in, durable decision, Kafka out: cpu"
    )
    assert {n: one.value for n, one in EVERYTHING.efficiency.items()} == {2: 0.95, 4: 0.8}
    assert list(EVERYTHING.appends) == [100, 1_000]
    assert EVERYTHING.sync_s == Figure(0.0005, "machine: fdatasync")


def test_whole_core_is_what_a_held_worker_did_over_its_part() -> None:
    assert held_core_rate(EVERYTHING.held, EVERYTHING.quota) == pytest.approx(8_000)


def test_record_without_a_figure_leaves_it_out() -> None:
    found = measured(record(READBACK))

    assert (found.worker_cpu, found.held, found.quota, dict(found.appends)) == (
        None,
        None,
        None,
        {},
    )


@pytest.mark.parametrize("value", [0.0, -1.0, nan, inf])
def test_figure_that_nothing_follows_from_is_refused(value: float) -> None:
    with pytest.raises(ValueError, match="above 0 and finite"):
        Figure(value, "a line")


@pytest.mark.parametrize("rate", [0.0, -5.0, nan, inf])
def test_rate_that_is_none_is_refused(rate: float) -> None:
    with pytest.raises(ValueError, match="rate above 0"):
        Load(rate=rate, symbols=1)


def test_load_without_symbols_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 1 symbol"):
        Load(rate=1.0, symbols=0)


@pytest.mark.parametrize("share", [0.0, 1.1, nan])
def test_share_that_is_none_is_refused(share: float) -> None:
    with pytest.raises(ValueError, match="a share above 0"):
        Machines(share=share)


@pytest.mark.parametrize("amount", [0.0, -1.0, nan, inf])
def test_machine_that_is_none_is_refused(amount: float) -> None:
    with pytest.raises(ValueError, match="a link above 0"):
        Machines(link_gbit=amount)
    with pytest.raises(ValueError, match="a disk above 0"):
        Machines(disk_tb=amount)


def test_one_worker_needs_no_scale_out_figure() -> None:
    alone = replace(EVERYTHING, efficiency={})

    assert needs(5_000, found=alone).workers == 1
    assert needs(5_001, found=alone).workers == Lack.NOT_MEASURED


def test_workers_are_counted_by_their_cpu_time_and_the_worst_efficiency() -> None:
    assert needs(40_000).workers == 10  # of 10,000/s, half of it, 0.8 of that
    assert needs(40_000).workers_with_spare == 11
    assert needs(40_000).workers_most == 13  # of 8,000/s at saturation


def test_partitions_are_doubled_until_the_fullest_fits_one_worker() -> None:
    few, many = needs(10_000), needs(100_000)

    assert few.partitions == 12
    assert known(many.partitions) > known(many.workers)
    assert many.fullest_rate(int(known(many.partitions))) <= known(many.partition_rate)
    assert many.fullest_rate(int(known(many.partitions)) // 2) > known(many.partition_rate)


def test_symbol_busier_than_a_worker_is_helped_by_no_number_of_partitions() -> None:
    assert needs(20_000, symbols=2).partitions == Lack.NEVER_ENOUGH


def test_fullest_partition_has_at_least_its_part_of_the_symbols() -> None:
    assert fullest_share(1, 12) == 1.0
    assert 1 / 12 <= fullest_share(1_000, 12) < 1 / 6


def test_line_through_two_block_sizes_gives_what_a_commit_costs() -> None:
    found = cycle(EVERYTHING)

    assert found is not None
    assert (found.fixed_s, found.each_s) == pytest.approx((0.005, 0.00001))


@pytest.mark.parametrize(
    ("rate", "block"),
    [(10.0, 1.0), (1_000.0, 1_000 * 0.005 / 0.99), (99_000.0, 1_000.0), (200_000.0, 1_000.0)],
)
def test_blocks_grow_with_the_rate_from_one_to_the_most(rate: float, block: float) -> None:
    assert Cycle(fixed_s=0.005, each_s=0.00001).block(rate, 1_000) == pytest.approx(block)


def test_slow_load_has_a_commit_for_each_decision() -> None:
    assert needs(500).commits == 500
    assert needs(500).kept_a_day == 500 * 86_400 * (1_000 + 500)
    assert needs(500).kept_a_day_least == 500 * 86_400 * (1 + 500)


def test_busy_partitions_commit_no_more_often_than_their_blocks_take() -> None:
    busy, busier = needs(10_000), needs(100_000)

    assert known(busy.commits) < 12 / 0.005
    assert known(busier.block) > known(busy.block)
    assert known(busier.commits) >= busier.commits_least


def test_blocks_are_larger_where_partitions_wait_for_each_others_commits() -> None:
    found = needs(10_000)

    assert found.block_most == pytest.approx(10_000 / (1 / 0.006))
    assert known(found.block_most) > known(found.block)


def test_databases_are_counted_by_large_blocks() -> None:
    assert needs(33_000).databases == 1  # 66,667/s, half of it
    assert needs(34_000).databases == 2


def test_brokers_carry_and_keep_what_is_declared() -> None:
    found = needs(1_000)

    assert found.ingress == 1_000 * 4_000
    assert found.egress == 1_000 * (2 * 500 + 3 * 3_500)
    assert found.replication == 2 * found.ingress
    assert found.kept_by(DECLARED.contexts) == 1_000 * 500 * 3 * 86_400
    assert found.kept_by(DECLARED.decisions) == 1_000 * 3_500 * 3 * 864_000
    assert found.brokers_for_disks == 3  # 9.2 TB, 4 TB each
    assert needs(2_000).brokers_for_disks == 5
    assert found.brokers_for_links == 3


def test_three_brokers_keep_decisions_for_as_long_as_their_disks_say() -> None:
    found = needs(1_000)

    assert found.decisions_fit_s == pytest.approx((12e12 - 129.6e9) / (1_000 * 3_500 * 3))
    assert needs(1_000_000).decisions_fit_s == 0.0


def test_topic_that_is_compacted_keeps_nothing_by_age() -> None:
    with pytest.raises(ValueError, match="expected a topic with a retention"):
        needs(1_000).kept_by(DECLARED.others[0])


def test_worker_takes_up_what_its_partitions_had_since_their_snapshots() -> None:
    found = needs(500)

    assert found.restart_s == 12 * 4_000 * 1 / 100_000
    assert found.restart_most_s == 12 * 4_000 * 1_000 / 100_000


NEEDED: Final[Mapping[str, Callable[[Needs], Answer]]] = {
    "workers": lambda one: one.workers,
    "partitions": lambda one: one.partitions,
    "block": lambda one: one.block,
    "databases": lambda one: one.databases,
    "log": lambda one: one.kept_a_day,
    "ingress": lambda one: one.ingress,
    "egress": lambda one: one.egress,
    "disks": lambda one: one.kept_by_brokers,
    "brokers for links": lambda one: one.brokers_for_links,
    "brokers for disks": lambda one: one.brokers_for_disks,
}


@pytest.mark.parametrize("name", NEEDED)
def test_more_contexts_never_need_less(name: str) -> None:
    rates = [10.0, 100.0, 500.0, 5_000.0, 10_000.0, 50_000.0, 200_000.0]
    found = [known(NEEDED[name](needs(rate, symbols=10_000))) for rate in rates]

    assert found == sorted(found)


def test_larger_share_never_needs_more_workers() -> None:
    found = [known(needs(50_000, share=share).workers) for share in (0.3, 0.6, 0.9)]

    assert found == sorted(found, reverse=True)


def test_walls_stand_nearest_first_and_the_load_between_them() -> None:
    found = needs(10_000)
    rates = [known(wall.rate) for wall in walls(found)]
    nearest = next_wall(found)

    assert rates == sorted(rates)
    assert nearest is not None
    assert all(known(wall.rate) < 10_000 for wall in reached(found))
    assert known(nearest.rate) >= 10_000
    assert list(walls(found)).index(nearest) == len(reached(found))


def test_load_beyond_every_wall_has_no_next_one() -> None:
    assert next_wall(needs(1e9)) is None


def test_walls_that_nobody_measured_are_named_and_hide_no_known_one() -> None:
    found = needs(10, found=Measured())

    assert {wall.name for wall in unknown(found)} >= {
        "one worker",
        "one database",
        "the one worker of a symbol",
    }
    assert next_wall(found) is not None


def page(*groups: Group) -> str:
    return record_page(record(*groups), sizes=SIZES, declared=DECLARED)


def cells(text: str, name: str) -> list[str]:
    return [line.split(" | ")[1] for line in text.splitlines() if line.startswith(f"| {name} | ")]


def test_page_says_what_was_not_measured_and_all_that_follows_from_it() -> None:
    text = page()

    for name in ("workers", "partitions", "databases", "commits/s", "log a day"):
        assert cells(text, name) == [Lack.NOT_MEASURED] * len(LOADS)
    assert cells(text, "replication") == ["4 MB/s", "80 MB/s", "8 GB/s"]


def test_page_of_a_whole_record_knows_everything_but_the_memory_of_a_worker() -> None:
    memory: Result = Line(
        measurement="peak memory of torghut run: all LEAN ticks", unit="MB", wall=223.2
    )
    text = page(CARRYING, DATABASE, READBACK, Group(name="memory", about="", results=(memory,)))
    unmeasured = [line for line in text.splitlines() if Lack.NOT_MEASURED in line]

    assert len(unmeasured) == 1
    assert "Memory of a worker" in unmeasured[0]
    assert cells(text, "workers") == ["1", "3", "209"]


def test_sizes_are_those_of_what_is_made() -> None:
    made = sizes()

    assert made.context_value < made.context_record
    assert made.decision_value < made.decision_record
    assert made.decision_row < made.block_each < made.decision_value
    assert made.block(10) == made.block_fixed + 10 * made.block_each


def test_what_is_declared_is_read_from_the_tree() -> None:
    found = declared()

    assert found.contexts.name == "torghut.market-context.v1"
    assert found.decisions.name == "torghut.decisions.v1"
    assert found.contexts not in found.others
    assert found.partitions <= found.partitions_max


def test_another_load_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--rate", "25000", "--symbols", "3000", "--record", str(RECORDED)]) == 0
    assert capsys.readouterr().out.startswith("## 25,000 contexts a second, 3,000 symbols\n")


@pytest.mark.parametrize("asked", [("0", "10"), ("-1", "10"), ("nan", "10"), ("10", "0")])
def test_load_that_is_none_is_refused_by_the_command(
    asked: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--rate", asked[0], "--symbols", asked[1]])

    assert ended.value.code == 2
    assert "expected" in capsys.readouterr().err
