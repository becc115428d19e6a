"""Why two goldens differ: side by side, the first divergence, its cause and its fix; and many mismatches as few causes.

>>> from aos_workflow.golden.triage import subject_of, triage
>>> a = subject_of(b'{"seed": 7, "steps": [{"step_id": "s", "output": 1}]}', file="a.json")
>>> b = subject_of(b'{"seed": 8, "steps": [{"step_id": "s", "output": 2}]}', file="b.json")
>>> found = triage(a, b)
>>> found.verdict, found.cause.name
('FAIL', 'seed-mismatch')
"""

from __future__ import annotations

from aos_workflow.golden.triage.causes import CAUSES, CauseClass
from aos_workflow.golden.triage.diagnosis import triage
from aos_workflow.golden.triage.grouping import Group
from aos_workflow.golden.triage.page import page_of
from aos_workflow.golden.triage.result import Cause, Difference, Finding, Triage, Verdict
from aos_workflow.golden.triage.subject import Damage, Subject, subject_of
from aos_workflow.golden.triage.summary import Summary, summarise
from aos_workflow.golden.triage.text import lines_of

__all__ = [
    "CAUSES",
    "Cause",
    "CauseClass",
    "Damage",
    "Difference",
    "Finding",
    "Group",
    "Subject",
    "Summary",
    "Triage",
    "Verdict",
    "lines_of",
    "page_of",
    "subject_of",
    "summarise",
    "triage",
]
