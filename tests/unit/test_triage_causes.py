"""Each class of causes is told from a constructed case, with its fix, and named first."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.golden_samples import OTHER_RING, RING, legacy_golden, value_golden
from tests.triage_samples import PROVENANCE, STEPS, changed, run, runs, step, subject, values

from aos_workflow.errors import UsageError
from aos_workflow.golden import NO_RULES, Rules, canonicalize
from aos_workflow.golden.triage import CAUSES, Triage, triage


def named(found: Triage) -> str | None:
    return found.cause.name if found.cause else None


def test_equal_runs_pass() -> None:
    found = runs(run(), run(run_id="another"))
    assert found.verdict == "PASS"
    assert found.cause is None
    assert found.first is None
    assert found.to_json()["ok"] is True
    assert found.counts["same"] == 5


SCORE = {"score": 3, "label": "good"}


@pytest.mark.parametrize(
    ("a", "b", "cause", "rule"),
    [
        (SCORE, {**SCORE, "score": 4}, "unseeded-rng", None),
        ({"x": 0.8444218515250481}, {"x": 0.7579544029403025}, "unseeded-rng", None),
        ({"token": "a8f3e29c01bd"}, {"token": "77d1c0e4a95f"}, "unseeded-rng", None),
        ({"t": "roll 5 of 6"}, {"t": "roll 2 of 6"}, "unseeded-rng", None),
        ({"at": "2026-01-01T00:00:00Z"}, {"at": "2026-01-01T00:00:09Z"}, "volatile-leak", ".**.at: mask timestamp"),
        ({"cpu_ms": 12.5}, {"cpu_ms": 13.25}, "volatile-leak", ".**.cpu_ms: mask duration"),
        ({"now": 1795246230.54}, {"now": 1795246231.77}, "volatile-leak", ".**.now: mask timestamp"),
        ({"seen": 1795246230.54}, {"seen": 1795246230.77}, "volatile-leak", ".**.seen: mask timestamp"),
        (
            {"key": "0b1f4a3e-3b1d-4a57-9d7f-3a3f7f1f0a11"},
            {"key": "6a2c1d90-77aa-4b0e-8f5c-1c2b3d4e5f60"},
            "volatile-leak",
            ".**.key: alias uuid",
        ),
        ({"obj": "<A at 0x7f3a2b1c4d50>"}, {"obj": "<A at 0x7f3a2b1c4e90>"}, "volatile-leak", ".**.obj: mask address"),
        (
            {"log": "began at 2026-01-01T00:00:00Z, fine"},
            {"log": "began at 2026-01-01T00:00:05Z, fine"},
            "volatile-leak",
            ".**.log: mask string",
        ),
        ({"tags": ["red", "green"]}, {"tags": ["green", "red"]}, "order-only", ".data.output.tags: sort"),
        ({"tags": "red, green"}, {"tags": "green, red"}, "order-only", None),
        ({"n": 3853795027545.6343}, {"n": 3853795027545.635}, "float-only", None),
        ({"sum": 0.3}, {"sum": 0.1 + 0.2}, "float-only", ".data.output.sum: round 15"),
        ({"cwd": "/srv/a"}, {"cwd": "/srv/b"}, "environment", None),
        ({"status_code": 200}, {"status_code": 503}, "external-call", None),
        ({"label": "good"}, {"label": "bad"}, "not-deterministic", None),
    ],
)  # fmt: skip
def test_what_a_step_gave(a: Any, b: Any, cause: str, rule: str | None) -> None:
    found = runs(run(changed(1, output=a)), run(changed(1, output=b)))
    assert found.verdict == "FAIL"
    assert found.cause is not None
    assert (found.cause.name, found.cause.skill) == (cause, "score")
    if rule is not None and cause != "float-only":
        assert found.cause.rule == rule
    assert found.first is not None
    assert found.first.unit == "step 2:score"


@pytest.mark.parametrize(
    "value",
    [
        {"at": "2026-01-01T00:00:00Z"}, {"cpu_ms": 12.5}, {"now": 1795246230.54}, {"tags": ["red", "green"]},
        {"sum": 0.3}, {"log": "at 2026-01-01T00:00:00Z"},
    ],
)  # fmt: skip
def test_the_proposed_rule_makes_it_pass(value: dict[str, Any]) -> None:
    others = {
        "at": "2026-01-01T00:00:09Z", "cpu_ms": 99, "now": 1795246299.5, "tags": ["green", "red"], "sum": 0.1 + 0.2,
        "log": "at 2026-02-01T00:00:00Z",
    }  # fmt: skip
    other = {name: others[name] for name in value}
    a, b = run(changed(1, output=value)), run(changed(1, output=other))
    cause = runs(a, b).cause
    assert cause is not None
    assert cause.rule is not None
    assert runs(a, b, extra=Rules.of([cause.rule], base="none")).verdict == "PASS"


def test_seed_mismatch_names_the_skill_that_shows_it() -> None:
    found = runs(run(), run(changed(1, output={"score": 9, "label": "bad"}), seed=8))
    assert found.cause is not None
    assert (found.cause.name, found.cause.skill) == ("seed-mismatch", "score")
    assert "seed propagation in score" in found.cause.fix
    assert "7 and 8" in found.cause.evidence[0]
    assert [cause.name for cause in found.causes] == ["seed-mismatch"]


def test_a_seed_that_is_not_handed_on_to_one_skill() -> None:
    a = run(changed(1, input={"seed": 7}, output={"x": 1}))
    b = run(changed(1, input={"seed": 1234}, output={"x": 2}))
    found = runs(a, b)
    assert found.cause is not None
    assert (found.cause.name, found.cause.skill) == ("seed-mismatch", "score")


def test_a_step_hash_that_differs_alone_is_a_seed() -> None:
    found = runs(run(changed(1, step_hash="1" * 64)), run(changed(1, step_hash="2" * 64)))
    assert found.cause is not None
    assert (found.cause.name, found.cause.skill) == ("seed-mismatch", "score")


def test_seeds_in_the_heads_of_value_goldens() -> None:
    a, b = value_golden({"x": 1}, seed=1), value_golden({"x": 2}, seed=2)
    found = triage(subject(a, "a.golden.json"), subject(b, "b.golden.json"))
    assert named(found) == "seed-mismatch"


def test_other_inputs_are_another_run() -> None:
    assert (
        named(runs(run(), run(changed(2, output={}), inputs={"service": "search"}))) == "other-run"
    )


def test_another_spec_hash_is_other_code() -> None:
    found = runs(run(), run(changed(1, output={"score": 9}), spec_hash="cd" * 32))
    assert named(found) == "code-changed"


def test_another_skill_version_is_other_code() -> None:
    found = runs(run(), run(changed(1, skill_version="2", output={"score": 9, "label": "x"})))
    assert found.cause is not None
    assert (found.cause.name, found.cause.skill) == ("code-changed", "score")


def test_a_skill_that_asks_somebody_else() -> None:
    a = [*STEPS, step("4:http.fetch", {"body": "fine"})]
    b = [*STEPS, step("4:http.fetch", {"body": "not so fine"})]
    found = runs(run(a), run(b))
    assert found.cause is not None
    assert (found.cause.name, found.cause.skill) == ("external-call", "http.fetch")
    assert "Mock or determinize the external call of http.fetch" in found.cause.fix


def test_a_call_outside_of_a_step_is_what_varied() -> None:
    call = (
        "external_call",
        {"event": "socket.connect", "target": "('10.0.0.1', 80)", "site": "flow.py:3"},
    )
    found = runs(run(others=[call]), run(others=[call], steps=changed(1, input={"query": "other"})))
    assert named(found) == "external-call"
    assert named(runs(run(), run(others=[call]))) == "external-call"


def test_other_rules() -> None:
    loose = Rules.of([".data.output.score: mask integer"])
    found = runs(run(), run(changed(1, output={"score": 9, "label": "good"}), rules=loose))
    assert [cause.name for cause in found.causes] == ["rules-changed"]
    found = runs(run(), run(changed(1, output={"score": 9, "label": "bad"}), rules=loose))
    assert [cause.name for cause in found.causes] == ["not-deterministic", "rules-changed"]


def test_another_python_explains_what_nothing_else_does() -> None:
    other = {**PROVENANCE, "python": "CPython 3.13.1"}
    found = runs(run(), run(changed(1, output={"score": 3, "label": "x"}), provenance=other))
    assert found.cause is not None
    assert found.cause.name == "environment"
    assert "CPython 3.11.7 and CPython 3.13.1" in found.cause.evidence[0]
    assert runs(run(), run(provenance=other)).verdict == "PASS"


def test_another_version_of_the_recorder_makes_a_golden_stale() -> None:
    other = {**PROVENANCE, "tool": "aos-workflow 0.0.9"}
    found = runs(run(provenance=other), run(changed(1, output={"score": 3, "label": "x"})))
    assert named(found) == "stale"


def test_another_commit_leaves_a_real_change() -> None:
    a, b = ({**PROVENANCE, "commit": letter * 40} for letter in "ab")
    found = runs(
        run(provenance=a), run(changed(1, output={"score": 3, "label": "x"}), provenance=b)
    )
    assert named(found) == "real-change"
    assert f"recorded at different commits: git diff {'a' * 12} {'b' * 12}" in found.notes


def test_steps_in_another_order() -> None:
    steps = [step("1:search", ["a"]), step("2:score", 1), step("3:report", 2)]
    found = runs(run(steps), run([steps[0], steps[2], steps[1]]))
    assert named(found) == "order-only"
    assert len([f for f in found.findings if f.pair.moved]) == 1


def test_results_of_a_group_in_the_order_of_completion() -> None:
    a = [step(f"1.{at}/1:fetch_page", {"page": name}, {}) for at, name in enumerate("xyz")]
    b = [step(f"1.{at}/1:fetch_page", {"page": name}, {}) for at, name in enumerate("zxy")]
    found = runs(run(a), run(b))
    assert [cause.name for cause in found.causes] == ["order-only"]
    assert found.causes[0].count == 1


# files that are not whole


def test_an_edited_line_is_named() -> None:
    found = runs(run(), run().replace(b'"label":"good"', b'"label":"best"'))
    assert found.cause is not None
    assert (found.cause.name, found.cause.line) == ("tampered", 3)
    assert "b.steps.jsonl:3" in found.cause.where
    # What was edited is shown all the same.
    assert found.first is not None
    assert (found.first.entry.expected, found.first.entry.got) == ("good", "best")


def test_an_edit_that_changes_nothing_that_is_compared_still_fails() -> None:
    found = runs(run(), run().replace(b"2026-01-01T00:00:00.000Z", b"2026-01-02T00:00:00.000Z", 1))
    assert named(found) == "tampered"


@pytest.mark.parametrize("lines", [1, 3, 5])
def test_a_file_that_ends_early(lines: int) -> None:
    cut = b"".join(run().splitlines(keepends=True)[:lines])
    found = runs(run(), cut)
    assert found.cause is not None
    assert (found.cause.name, found.cause.line) == ("truncated", lines)
    assert found.counts["missing"] == 5 - lines


def test_a_torn_line() -> None:
    found = runs(run(), run()[:-300])
    assert found.cause is not None
    assert found.cause.name == "truncated"
    assert found.cause.line == 6


@pytest.mark.parametrize(
    "data", [b"", b"\x00\x01\x02", b"\x89PNG\r\n", b"[1, 2]", b'{"a":', b"<<<<<<< ours\n"]
)
def test_nothing_that_can_be_read(data: bytes) -> None:
    found = runs(run(), data)
    assert found.verdict == "FAIL"
    assert named(found) in ("tampered", "truncated")


def test_a_newer_format_is_not_damage() -> None:
    newer = value_golden({"x": 1}).replace(b"aos-golden/1", b"aos-golden/9")
    found = triage(
        subject(value_golden({"x": 1}), "a.golden.json"), subject(newer, "b.golden.json")
    )
    assert named(found) == "stale"


def test_content_that_differs_under_a_valid_signature_is_said_to() -> None:
    a, b = run(ring=RING), run(changed(1, output={"score": 3, "label": "x"}), ring=RING)
    found = triage(subject(a, ring=RING), subject(b, "b.steps.jsonl", ring=RING))
    assert named(found) == "not-deterministic"
    assert sum("the signature is valid" in note for note in found.notes) == 2


def test_a_wrong_key_is_told_from_edited_content() -> None:
    found = triage(subject(run(ring=OTHER_RING), ring=RING), subject(run(ring=RING), ring=RING))
    assert found.verdict == "PASS"
    assert any(
        "a key that is not at hand" in note and "golden resign" in note for note in found.notes
    )
    edited = run(ring=OTHER_RING).replace(b'"label":"good"', b'"label":"best"')
    assert named(triage(subject(run(), ring=RING), subject(edited, ring=RING))) == "tampered"


# the other forms


def test_the_older_form() -> None:
    a = {
        "run_id": "r1",
        "seed": 42,
        "steps": [{"step_id": "a", "output": {"n": 1}}, {"step_id": "b", "output": "x"}],
    }
    b = json.loads(json.dumps(a))
    b["steps"][1]["output"] = "y"
    found = triage(subject(legacy_golden(a), "a.json"), subject(legacy_golden(b), "b.json"))
    assert found.first is not None
    assert (found.first.unit, found.first.path) == ("step b", ".steps[1].output")
    assert found.counts == {"same": 2, "changed": 1, "missing": 0, "added": 0, "moved": 0}
    edited = legacy_golden(a).replace(b'"x"', b'"z"')
    found = triage(
        subject(legacy_golden(a), "a.json", ring=RING), subject(edited, "b.json", ring=RING)
    )
    assert named(found) == "tampered"


def test_the_events_of_a_run_in_a_value_golden() -> None:
    def golden(score: int) -> bytes:
        data = [
            {"event_type": "run_start", "data": {"seed": 1, "spec_hash": "a"}},
            {"event_type": "step", "data": step("1:score", {"score": score})},
        ]
        return value_golden(data)

    found = triage(subject(golden(1), "a.golden.json"), subject(golden(2), "b.golden.json"))
    assert found.first is not None
    assert (found.first.unit, found.first.path) == ("step 1:score", "[1].data.output.score")
    assert named(found) == "unseeded-rng"


def test_values_without_steps() -> None:
    found = values({"total": 3}, {"total": 4})
    assert (named(found), found.first and found.first.path) == ("real-change", ".total")
    assert values([1, 2], [1, 2]).verdict == "PASS"
    assert named(values(1, 2)) == "real-change"


def test_goldens_that_keep_only_a_hash() -> None:
    a, b = (value_golden({"x": x}, hash_only=True) for x in (1, 2))
    found = triage(subject(a, "a.golden.json"), subject(b, "b.golden.json"))
    assert named(found) == "real-change"
    assert triage(subject(a, "a.golden.json"), subject(a, "b.golden.json")).verdict == "PASS"


def test_a_run_and_a_value_cannot_be_compared() -> None:
    with pytest.raises(UsageError, match="one is a run and the other a value"):
        triage(subject(run()), subject(value_golden({}), "b.golden.json"))


def test_values_under_other_rules_are_put_under_both() -> None:
    a = value_golden({"took_ms": 5, "n": 1}, rules=NO_RULES)
    b = value_golden({"took_ms": 9, "n": 1})
    assert canonicalize({"took_ms": 9}).text == b'{"took_ms":"<duration>"}'
    found = triage(subject(a, "a.golden.json"), subject(b, "b.golden.json"))
    assert [cause.name for cause in found.causes] == ["rules-changed"]


def test_every_class_says_what_it_means_and_what_to_do() -> None:
    for name, each in CAUSES.items():
        assert name == each.name
        assert each.title
        assert each.fix.endswith(".")
