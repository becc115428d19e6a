"""What is compared, written, deleted and refused under which flags: the table of the design, row by row."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.plugin.conftest import Inner, text_of

XDIST = ("xdist",)
WORKERS = pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["alone", "xdist"])
ONE = "def test_it(golden):\n    assert 1 == golden\n"
TWO = ONE + "def test_other(golden):\n    assert 2 == golden\n"


# neither flag


@WORKERS
def test_neither_flag_a_missing_golden_fails_and_nothing_is_written(
    inner: Inner, workers: tuple[str, ...]
) -> None:
    inner.ini(use=XDIST)
    inner.file("test_a.py", ONE)
    result = inner.run(*workers)
    assert result.ret == 1
    assert "no golden recorded for test_a.py::test_it" in text_of(result)
    assert "next: pytest --golden-record test_a.py::test_it" in text_of(result)
    assert not inner.golden_dir.exists()


@WORKERS
def test_neither_flag_says_nothing_about_what_is_unused(
    inner: Inner, workers: tuple[str, ...]
) -> None:
    inner.ini(use=XDIST)
    inner.file("test_a.py", TWO)
    inner.recorded()
    inner.file("test_a.py", ONE)
    result = inner.run(*workers)
    assert result.ret == 0
    assert "unused test_a" not in text_of(result)


# --golden-verify


@WORKERS
def test_verify_passes_and_changes_nothing(inner: Inner, workers: tuple[str, ...]) -> None:
    inner.ini(use=XDIST)
    inner.file("test_a.py", TWO)
    inner.recorded()
    before = inner.snapshot()
    result = inner.verify(*workers)
    assert result.ret == 0
    assert "goldens: 2 matched" in text_of(result)
    assert inner.snapshot() == before


@WORKERS
def test_verify_fails_for_an_unused_golden(inner: Inner, workers: tuple[str, ...]) -> None:
    inner.ini(use=XDIST)
    inner.file("test_a.py", TWO)
    inner.recorded()
    inner.file("test_a.py", ONE)
    result = inner.verify(*workers)
    assert result.ret == 1
    assert "unused test_a.py::test_other: its test does not exist any more" in text_of(result)
    assert len(inner.goldens) == 2


@WORKERS
def test_verify_fails_for_a_golden_that_its_test_does_not_use(
    inner: Inner, workers: tuple[str, ...]
) -> None:
    inner.ini(use=XDIST)
    inner.file("test_a.py", ONE.replace("golden\n", "golden('named')\n"))
    inner.recorded()
    inner.file("test_a.py", "def test_it():\n    pass\n")
    result = inner.verify(*workers)
    assert result.ret == 1
    assert "unused test_a.py::test_it#named: its test passed without using it" in text_of(result)


def test_verify_fails_for_goldens_of_a_test_file_that_is_gone(inner: Inner) -> None:
    inner.file("tests/test_a.py", ONE)
    inner.file("tests/test_b.py", ONE)
    inner.recorded()
    (inner.root / "tests" / "test_b.py").unlink()
    for args in ((), ("tests",)):
        result = inner.verify(*args)
        assert result.ret == 1
        assert "unused tests/test_b.py::test_it" in text_of(result)
    # What lies beside the tests that were asked for is not judged.
    assert inner.verify("tests/test_a.py").ret == 0


@pytest.mark.parametrize(
    "select",
    [
        ("-k", "it"),
        ("test_a.py::test_it",),
        ("--deselect", "test_a.py::test_other"),
        ("-m", "wanted"),
        ("--ignore", "test_b.py"),
        ("test_a.py",),
    ],
    ids=str,
)
@WORKERS
def test_a_part_of_the_tests_says_nothing_about_the_rest(
    inner: Inner, select: tuple[str, ...], workers: tuple[str, ...]
) -> None:
    inner.ini("markers = wanted", use=XDIST)
    inner.file("test_a.py", "import pytest\n@pytest.mark.wanted\n" + TWO)
    inner.file("test_b.py", ONE)
    inner.recorded()
    before = inner.snapshot()
    assert inner.verify(*select, *workers).ret == 0
    result = inner.run("--golden-prune", *select, *workers)
    assert result.ret == 0
    assert inner.snapshot() == before


def test_tests_that_a_plugin_takes_away_silently_are_deselected(inner: Inner) -> None:
    inner.file("conftest.py", "def pytest_collection_modifyitems(items):\n    del items[1:]\n")
    inner.file("test_a.py", TWO)
    inner.recorded()
    (inner.root / "conftest.py").unlink()
    inner.recorded()
    assert len(inner.goldens) == 2
    inner.file("conftest.py", "def pytest_collection_modifyitems(items):\n    del items[1:]\n")
    assert inner.verify("--golden-prune").ret == 0
    assert len(inner.goldens) == 2


@WORKERS
def test_verify_fails_for_a_rule_that_matches_nothing(
    inner: Inner, workers: tuple[str, ...]
) -> None:
    inner.ini(
        "golden_rules =",
        "    .**.used: mask number",
        "    .**.never_there: mask",
        "golden_max_stripped = 1",
        use=XDIST,
    )
    inner.file(
        "test_a.py",
        "import pytest\n"
        "def test_it(golden):\n    assert {'used': 1, 'b': 2} == golden(rules=['.nowhere: strip'])\n"
        "@pytest.mark.golden(rules=['.only_in_two: mask number', '.in_none: strip'])\n"
        "@pytest.mark.parametrize('name', ['one', 'only_in_two'])\n"
        "def test_marked(golden, name):\n    assert {name: 1, 'x': 2} == golden\n",
    )
    inner.recorded()
    result = inner.verify(*workers)
    assert result.ret == 1
    dead = [line for line in text_of(result).splitlines() if line.startswith("dead rule")]
    assert dead == [
        "dead rule in @pytest.mark.golden of test_a.py::test_marked: .in_none: strip: matched nothing",
        "dead rule in golden_rules: .**.never_there: mask: matched nothing",
        "dead rule in test_a.py::test_it: .nowhere: strip: matched nothing",
    ]
    # One that many share is judged by all of them only.
    result = inner.verify("-k", "one", *workers)
    assert result.ret == 0
    # Without --golden-verify it is no failure.
    assert inner.run(*workers).ret == 0


def test_a_rule_whose_match_is_in_a_skipped_test_is_not_dead(inner: Inner) -> None:
    inner.ini("golden_rules = .**.used: mask number", "golden_max_stripped = 1")
    text = (
        "import pytest\n"
        "def test_plain(golden):\n    assert 1 == golden\n"
        "def test_it(golden):\n    {skip}\n    assert {{'used': 1, 'b': 2}} == golden\n"
    )
    inner.file("test_a.py", text.format(skip=""))
    inner.recorded()
    assert inner.verify().ret == 0
    inner.file("test_a.py", text.format(skip="pytest.skip('not here')"))
    assert inner.verify().ret == 0


def test_verify_fails_for_an_unknown_format_even_if_no_test_reads_it(inner: Inner) -> None:
    inner.file("test_a.py", ONE)
    inner.recorded()
    (path,) = inner.goldens
    stray = path.with_name("stray.golden.json")
    stray.write_bytes(path.read_bytes().replace(b"aos-golden/1", b"aos-golden/9"))
    result = inner.verify()
    assert result.ret == 1
    assert "unreadable: GOLDEN_VERSION: fixtures/golden/test_a/stray.golden.json:" in text_of(
        result
    )
    assert inner.run("--golden-prune").ret == 0
    assert stray.exists()


@pytest.mark.parametrize(
    ("policy", "unsigned", "other_key"),
    [("off", 0, 0), ("integrity", 0, 0), ("warn", 0, 0), ("require", 1, 1)],
)
def test_a_signature_is_asked_for_by_policy(
    inner: Inner, policy: str, unsigned: int, other_key: int
) -> None:
    inner.file("test_a.py", ONE)
    inner.recorded()
    flag = f"--golden-signature={policy}"
    result = inner.verify(flag, GOLDEN_SECRET="one-long-secret")
    assert result.ret == unsigned, policy
    assert ("signature unsigned" in text_of(result)) is (policy == "warn")
    inner.recorded(GOLDEN_SECRET="one-long-secret")
    assert inner.verify(flag, GOLDEN_SECRET="one-long-secret").ret == 0
    result = inner.verify(flag, GOLDEN_SECRET="another-secret")
    assert result.ret == other_key
    assert ("signature unknown-key" in text_of(result)) is (policy == "warn")


def test_a_forged_signature_fails_wherever_its_key_is_known(inner: Inner) -> None:
    inner.file("test_a.py", ONE)
    inner.recorded(GOLDEN_SECRET="one-long-secret")
    (path,) = inner.goldens
    text = path.read_text()
    at = text.index('"hmac": "') + len('"hmac": "')
    path.write_text(text[:at] + ("0" if text[at] != "0" else "1") + text[at + 1 :])
    for flags in ((), ("--golden-verify",), ("--golden-signature=warn",)):
        result = inner.run(*flags, GOLDEN_SECRET="one-long-secret")
        assert result.ret == 1
        assert "one-long-secret" not in text_of(result)


def test_an_empty_secret_is_none_where_none_is_needed(inner: Inner) -> None:
    """CI systems set the secret to nothing for pull requests of forks."""
    inner.file("test_a.py", ONE)
    inner.recorded(GOLDEN_SECRET="one-long-secret")
    assert inner.verify(GOLDEN_SECRET="").ret == 0
    assert inner.run(GOLDEN_SECRET="").ret == 0
    for result in (
        inner.verify("--golden-signature=require", GOLDEN_SECRET=""),
        inner.record(GOLDEN_SECRET=""),
    ):
        assert result.ret == pytest.ExitCode.USAGE_ERROR
        assert "GOLDEN_SECRET is set but empty" in text_of(result)


# --golden-record


@WORKERS
def test_record_writes_what_is_new_and_leaves_the_rest_alone(
    inner: Inner, workers: tuple[str, ...]
) -> None:
    inner.ini(use=XDIST)
    inner.file("test_a.py", ONE)
    result = inner.record(*workers)
    assert result.ret == 0
    assert "recorded test_a.py::test_it" in text_of(result)
    (path,) = inner.goldens
    before, times = path.read_bytes(), path.stat()
    inner.file("test_a.py", TWO)
    result = inner.record(*workers)
    assert "goldens: 1 recorded, 1 unchanged" in text_of(result)
    assert path.read_bytes() == before
    assert path.stat().st_mtime_ns == times.st_mtime_ns
    assert path.stat().st_ino == times.st_ino
    assert len(inner.goldens) == 2


def test_record_shows_what_changed(inner: Inner) -> None:
    inner.file("test_a.py", "def test_it(golden):\n    assert {'a': [1, 2]} == golden\n")
    inner.recorded()
    inner.file("test_a.py", "def test_it(golden):\n    assert {'a': [1, 3]} == golden\n")
    result = inner.record()
    assert "updated test_a.py::test_it" in text_of(result)
    assert ".a[1]: expected 2, got 3" in text_of(result)


def test_record_again_with_a_key_signs_what_was_not_signed(inner: Inner) -> None:
    inner.file("test_a.py", ONE)
    inner.recorded()
    inner.recorded(GOLDEN_SECRET="one-long-secret")
    before = inner.snapshot()
    assert b"key_id" in next(iter(before.values()))
    inner.recorded(GOLDEN_SECRET="one-long-secret")
    inner.recorded()
    assert inner.snapshot() == before


@pytest.mark.parametrize("flag", ["--golden-record", "--golden-prune"])
@pytest.mark.parametrize("value", ["true", "1", "yes", "woodpecker"])
def test_on_ci_nothing_is_written(inner: Inner, flag: str, value: str) -> None:
    inner.file("test_a.py", ONE)
    result = inner.run(flag, CI=value)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert f"{flag} was refused because CI is set" in text_of(result)
    assert "--golden-allow-ci-record" in text_of(result)
    assert not inner.golden_dir.exists()


@pytest.mark.parametrize("value", ["", "false", "0", "no", "False"])
def test_ci_set_to_false_is_no_ci(inner: Inner, value: str) -> None:
    inner.file("test_a.py", ONE)
    assert inner.record(CI=value).ret == 0
    assert len(inner.goldens) == 1


def test_recording_on_ci_can_be_allowed(inner: Inner) -> None:
    inner.file("test_a.py", ONE)
    result = inner.run("--golden-record", "--golden-allow-ci-record", CI="true")
    assert result.ret == 0
    assert len(inner.goldens) == 1


def test_both_flags_contradict_each_other(inner: Inner) -> None:
    inner.file("test_a.py", ONE)
    result = inner.run("--golden-record", "--golden-verify")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert "--golden-record and --golden-verify contradict each other" in text_of(result)


# not evaluated


NOT_EVALUATED = {
    "failed": "assert 2 == golden; assert False",
    "skipped": "pytest.skip('no')",
    "xfailed": "_ = 2 == golden; pytest.xfail('known')",
    "error": "raise ValueError",
}


@pytest.mark.parametrize("how", NOT_EVALUATED)
@WORKERS
def test_what_was_not_evaluated_is_never_unused_deleted_or_written(
    inner: Inner, how: str, workers: tuple[str, ...]
) -> None:
    inner.ini(use=XDIST)
    inner.file("test_a.py", "import pytest\n" + ONE)
    inner.recorded()
    before = inner.snapshot()
    inner.file("test_a.py", f"import pytest\ndef test_it(golden):\n    {NOT_EVALUATED[how]}\n")
    for flags in (
        ("--golden-verify",),
        ("--golden-prune",),
        ("--golden-record", "--golden-prune", "--golden-repeat=1"),
    ):
        result = inner.run(*flags, *workers)
        assert "unused test_a" not in text_of(result)
        assert result.ret == (1 if how in ("failed", "error") else 0)
        assert inner.snapshot() == before


@pytest.mark.parametrize(
    "mark", ["skip", "skipif(True, reason='x')", "xfail(run=False)", "xfail(strict=False)"]
)
def test_marked_tests_are_not_evaluated(inner: Inner, mark: str) -> None:
    inner.file("test_a.py", ONE)
    inner.recorded()
    before = inner.snapshot()
    inner.file("test_a.py", f"import pytest\n@pytest.mark.{mark}\n" + ONE.replace("1", "2"))
    assert inner.verify("--golden-prune").ret == 0
    assert inner.record("--golden-prune").ret == 0
    assert inner.snapshot() == before


def test_an_xfailed_mismatch_does_not_fail_the_report(inner: Inner) -> None:
    inner.file("test_a.py", ONE)
    inner.recorded()
    inner.file("test_a.py", "import pytest\n@pytest.mark.xfail\n" + ONE.replace("1", "2"))
    result = inner.verify("--golden-report=r.json")
    assert result.ret == 0
    assert '"verdict": "PASS"' in (inner.root / "r.json").read_text()


def test_a_test_that_passes_unexpectedly_records_nothing(inner: Inner) -> None:
    inner.file("test_a.py", "import pytest\n@pytest.mark.xfail\n" + ONE)
    assert inner.record().ret == 0
    assert not inner.goldens


@pytest.mark.parametrize("stop", ["-x", "--maxfail=1", "--stepwise"])
@WORKERS
def test_a_run_that_stops_early_records_what_passed_and_judges_nothing(
    inner: Inner, stop: str, workers: tuple[str, ...]
) -> None:
    inner.ini(use=XDIST)
    inner.file(
        "test_a.py",
        "def test_1(golden):\n    assert 1 == golden\n"
        "def test_2(golden):\n    assert 2 == golden; assert 'STOP' == ''\n"
        "def test_3(golden):\n    assert 3 == golden\n",
    )
    assert inner.record(stop, *workers).ret != 0
    assert "test_a.py::test_2" not in inner.values
    inner.file("test_a.py", (inner.root / "test_a.py").read_text().replace("'STOP' == ''", "True"))
    inner.recorded()
    before = inner.snapshot()
    assert len(before) == 3
    inner.file("test_a.py", (inner.root / "test_a.py").read_text().replace("2 ==", "5 =="))
    result = inner.verify("--golden-prune", stop, *workers)
    assert result.ret != 0
    assert "unused test_a" not in text_of(result)
    assert "1 mismatched" in text_of(result)
    assert inner.snapshot() == before


@pytest.mark.parametrize("how", ["raise KeyboardInterrupt", "pytest.exit('enough')"])
def test_an_interrupted_recording_writes_nothing(inner: Inner, how: str) -> None:
    inner.file("test_a.py", f"import pytest\n{ONE}def test_stop():\n    {how}\n")
    result = inner.run("--golden-record", "--golden-prune")
    assert result.ret == pytest.ExitCode.INTERRUPTED
    assert "interrupted: nothing was recorded of 1 new values" in text_of(result)
    assert not inner.goldens


def test_a_collection_error_judges_and_writes_nothing(inner: Inner) -> None:
    inner.file("test_a.py", TWO)
    inner.recorded()
    before = inner.snapshot()
    inner.file("test_a.py", ONE)
    inner.file("test_b.py", "import nowhere\n")
    assert inner.verify("--golden-prune").ret == pytest.ExitCode.INTERRUPTED
    result = inner.run("--golden-prune", "--continue-on-collection-errors")
    assert result.ret == 1
    assert inner.snapshot() == before


def test_collect_only_writes_nothing(inner: Inner) -> None:
    inner.file("test_a.py", ONE)
    assert inner.run("--golden-record", "--collect-only").ret == 0
    assert not inner.golden_dir.exists()


# --golden-prune


@WORKERS
def test_prune_deletes_what_no_test_uses_after_a_complete_green_run(
    inner: Inner, workers: tuple[str, ...]
) -> None:
    inner.ini(use=XDIST)
    inner.file("test_a.py", TWO)
    inner.recorded()
    inner.file("test_a.py", ONE + "def test_broken():\n    assert False\n")
    result = inner.run("--golden-prune", *workers)
    assert result.ret == 1
    assert "nothing was pruned: the run was not complete and green" in text_of(result)
    assert len(inner.goldens) == 2
    inner.file("test_a.py", ONE)
    result = inner.run("--golden-prune", *workers)
    assert result.ret == 0
    assert "deleted test_a.py::test_other" in text_of(result)
    assert [*inner.values] == ["test_a.py::test_it"]


def test_prune_leaves_no_empty_folder_behind(inner: Inner) -> None:
    text = "def test_it(golden):\n    assert 1 == golden\n"
    inner.file("deep/down/test_a.py", text)
    inner.file("deep/test_b.py", text)
    inner.recorded()
    (inner.root / "deep/down/test_a.py").unlink()
    assert inner.run("--golden-prune").ret == 0
    assert [path.name for path in inner.golden_dir.rglob("*") if path.is_dir()] == [
        "deep",
        "test_b",
    ]
    (inner.root / "deep/test_b.py").unlink()
    inner.file("test_c.py", "def test_it():\n    pass\n")
    assert inner.run("--golden-prune").ret == 0
    assert [*inner.golden_dir.iterdir()] == []


def test_prune_with_verify_leaves_nothing_to_complain_about(inner: Inner) -> None:
    inner.file("test_a.py", TWO)
    inner.recorded()
    inner.file("test_a.py", ONE)
    assert inner.verify("--golden-prune").ret == 0
    assert inner.verify().ret == 0


@WORKERS
def test_a_rename_is_recognised_by_the_value(inner: Inner, workers: tuple[str, ...]) -> None:
    inner.ini(use=XDIST)
    inner.file("test_a.py", TWO)
    inner.recorded()
    inner.file("test_a.py", TWO.replace("test_other", "test_renamed"))
    result = inner.record("--golden-prune", *workers)
    assert result.ret == 0
    output = text_of(result)
    assert "recorded test_a.py::test_renamed (renamed from test_a.py::test_other)" in output
    assert "deleted test_a.py::test_other" in output
    assert {*inner.values} == {"test_a.py::test_it", "test_a.py::test_renamed"}


def test_prune_leaves_files_that_are_not_its_own(inner: Inner) -> None:
    inner.file("test_a.py", TWO)
    inner.recorded()
    inner.file("fixtures/golden/notes.txt", "mine")
    inner.file("fixtures/golden/data.json", "{}")
    foreign = inner.file("fixtures/golden/test_a/x.golden.json", "{}")
    inner.file("test_a.py", ONE)
    assert inner.run("--golden-prune").ret == 0
    assert foreign.exists()
    assert len(inner.goldens) == 4


# rerun plugins, repeats


@WORKERS
def test_reruns_of_a_test_that_fails_for_another_reason(
    inner: Inner, workers: tuple[str, ...]
) -> None:
    inner.ini(use=("rerunfailures", "xdist"))
    text = (
        "import pathlib\n"
        "def test_it(golden):\n"
        "    assert 1 == golden\n"
        "    path = pathlib.Path('tried')\n"
        "    tried, _ = path.exists(), path.touch()\n"
        "    assert tried\n"
    )
    inner.file("test_a.py", text)
    assert inner.record("--reruns", "2", *workers).ret == 0
    assert len(inner.goldens) == 1
    Path(inner.root, "tried").unlink()
    result = inner.verify("--reruns", "2", *workers)
    assert result.ret == 0


def test_a_mismatch_stays_a_mismatch_under_reruns(inner: Inner) -> None:
    inner.ini(use=("rerunfailures",))
    inner.file("test_a.py", ONE)
    inner.recorded()
    inner.file("test_a.py", ONE.replace("1", "2"))
    result = inner.run("--reruns", "2")
    assert result.ret == 1
    assert "flaky" not in text_of(result)
    assert ".: expected 1, got 2" in text_of(result)


def test_the_same_tests_given_twice(inner: Inner) -> None:
    inner.file("conftest.py", "def pytest_collection_modifyitems(items):\n    items *= 2\n")
    inner.file("test_a.py", TWO)
    inner.recorded()
    assert inner.verify().ret == 0
    for path in inner.goldens:
        path.unlink()
    inner.file(
        "test_a.py",
        "import itertools\nc = itertools.count()\n"
        "def test_it(golden):\n    assert next(c) == golden\n"
        "def test_other(golden):\n    assert 0 == golden\n",
    )
    result = inner.record()
    assert result.ret == 1
    assert "two values for one golden" in text_of(result)
    assert [*inner.values] == ["test_a.py::test_other"]


# workers


def test_a_worker_that_dies_takes_nothing_of_the_others_with_it(inner: Inner) -> None:
    inner.ini(use=XDIST)
    tests = "".join(f"def test_{n}(golden):\n    assert {n} == golden\n" for n in range(12))
    inner.file("test_a.py", f"import os\n{tests}def test_dies(golden):\n    os._exit(1)\n")
    result = inner.record("-n", "2")
    assert result.ret == 1
    assert {*inner.values} == {f"test_a.py::test_{n}" for n in range(12)}


@pytest.mark.parametrize("dist", ["load", "loadscope", "loadfile", "worksteal", "each", "no"])
def test_every_way_to_distribute(inner: Inner, dist: str) -> None:
    inner.ini(use=XDIST)
    inner.file("test_a.py", TWO)
    inner.file(
        "test_b.py", "class TestIt:\n    def test_it(self, golden):\n        assert 3 == golden\n"
    )
    assert inner.record("-n", "2", "--dist", dist).ret == 0
    assert len(inner.goldens) == 3
    assert inner.verify("-n", "2", "--dist", dist).ret == 0
