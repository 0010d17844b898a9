"""A JUnit report says of each test function what the worst of its cases came to."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from tests.support.governance.rolling import junit
from torghut.adapters.junit.reading import JunitUnreadableError, read_junit

MODULE: Final = "tests.unit.test_one"


def test_each_function_is_named_as_criteria_name_it(tmp_path: Path) -> None:
    path = junit(
        tmp_path / "r.xml",
        [
            (MODULE, "test_a", "passed"),
            (MODULE, "test_b", "failed"),
            (MODULE, "test_c", "skipped"),
            (f"{MODULE}.TestMachine", "runTest", "error"),
        ],
    )

    assert read_junit(path.read_bytes()) == {
        "tests/unit/test_one.py::test_a": "passed",
        "tests/unit/test_one.py::test_b": "failed",
        "tests/unit/test_one.py::test_c": "skipped",
        "tests/unit/test_one.py::TestMachine.runTest": "failed",
    }


@pytest.mark.parametrize("worst", ["failed", "error", "skipped"])
@pytest.mark.parametrize("first", [True, False])
def test_worst_case_counts_whatever_the_order(tmp_path: Path, worst: str, *, first: bool) -> None:
    cases = [(MODULE, "test_a[x]", "passed"), (MODULE, "test_a[y]", worst)]
    path = junit(tmp_path / "r.xml", cases[::-1] if first else cases)

    (became,) = read_junit(path.read_bytes()).values()
    assert became == ("skipped" if worst == "skipped" else "failed")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"no report",
        b"<testsuites></testsuites>",
        b'<testsuites><testcase classname="" name="test_a"/></testsuites>',
        b'<testsuites><testcase classname="tests.x" name=""/></testsuites>',
        b'<testsuites><testcase classname="tests.x" name="test_a"/>',
        b'<!DOCTYPE a [<!ENTITY b "c">]><testcase classname="tests.x" name="test_&b;"/>',
    ],
)
def test_what_is_no_report_is_refused(body: bytes) -> None:
    with pytest.raises(JunitUnreadableError):
        read_junit(body)


def test_report_that_pytest_writes_can_be_read(tmp_path: Path) -> None:
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "test_small.py").write_text(
        "import pytest\n"
        "@pytest.mark.parametrize('x', [1, 2])\n"
        "def test_good(x): pass\n"
        "def test_bad(): assert 0\n"
        "@pytest.mark.skip\ndef test_not(): pass\n"
    )
    report = tmp_path / "r.xml"
    words = ("-p", "no:cacheprovider", "--import-mode=importlib", f"--junit-xml={report}")
    subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:randomly", *words, "tests"],
        cwd=tmp_path,
        check=False,
        capture_output=True,
    )

    assert read_junit(report.read_bytes()) == {
        "tests/test_small.py::test_good": "passed",
        "tests/test_small.py::test_bad": "failed",
        "tests/test_small.py::test_not": "skipped",
    }
