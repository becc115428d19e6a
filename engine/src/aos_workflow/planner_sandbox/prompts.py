"""Words that try to change who gives the orders. A quotation of them is not an order."""

from __future__ import annotations

import re
from collections.abc import Iterator

from aos_workflow.planner_sandbox.findings import Code, Reason, shown
from aos_workflow.planner_sandbox.patterns import flat, one_of
from aos_workflow.planner_sandbox.prose import outside_code

__all__ = ["fetched_urls", "judge_instruction", "judge_prompt_in_text"]

# Patterns are for flat texts: lower case, single spaces.
_DROP = (
    r"(?:ignore|disregard|forget|override|bypass|neglect|skip|discard|drop|circumvent|"
    r"do not (?:follow|obey)|don't (?:follow|obey)|stop following)"
)
_OWNED = (
    r"(?:(?:all|any|every|each|of|the|your|my|our|these|those|this|that|its|such|other)\s){0,4}"
)
_EARLIER = (
    r"(?:(?:previous(?:ly)?|prior|above|earlier|preceding|existing|original|foregoing|initial|current|system|"
    r"developer|safety|security|given)\s){1,3}"
)
_ORDERS = (
    r"(?:instructions?|prompts?|rules?|guidelines?|directions?|directives?|polic(?:y|ies)|constraints?|"
    r"commands?|messages?|context|text|inputs?|conversation|restrictions?|safeguards?|guardrails?|limits?|orders?)"
)
_TURN_OFF = r"(?:disable|bypass|turn off|switch off|skip|evade|escape)"
_LIMIT = r"(?:raise|increase|remove|lift|override|exceed|unlock|ignore|set|disable|bypass|turn off|switch off)"
_THE = r"(?:the |your |any |all |my )?"
_WHOSE_LIMIT = r"(?:budget|cost|spending|spend|workflow|step|safety|planner|security|approval)"
_WHAT_LIMIT = (
    r"(?: (?:ceilings?|limits?|caps?|polic(?:y|ies)|sandbox|checks?|filters?|approvals?|enforcement|"
    r"requirements?)| (?:to|=|at) [$\d])"
)
_MODE = r"(?:developer|god|jailbreak|admin|debug|unrestricted)\smode"
_OVERRIDE = one_of(
    rf"\b{_DROP}\s{_OWNED}{_EARLIER}(?:{_ORDERS}|(?=and\b))",
    rf"\b{_DROP}\s(?:all|any|the|your|every)\s(?:of\s)?(?:the\s|your\s)?"
    r"(?:instructions?|rules|guidelines|guardrails|safeguards|restrictions|safety\s\w{1,20})",
    rf"\b{_DROP}\s(?:everything|anything|all|what)\s(?:that\s|of\s)?(?:the\s)?(?:above|before|previous\b|"
    r"(?:you|i|we|they)\s(?:were\s|was\s|have\s|had\s|have\sbeen\s)?(?:told|given|said|wrote))",
    r"\bobey\s(?:only\s)?me\b",
    r"\bpretend\s(?:that\s)?(?:you\shave|there\sare)\sno\s(?:restrictions|rules|limits|guidelines)",
    r"\bact\sas\s(?:dan|root|an?\s(?:unrestricted|unfiltered|jailbroken))\b",
    r"\b(?:comply|respond|answer|act|operate|reply)\s[^.!?]{0,60}\bwithout\s(?:any\s)?(?:restrictions?|limits|"
    r"filters|censorship)\b",
    r"\bskip\s(?:the\s|any\s|all\s)?confirmations?\b",
    r"\bsystem\soverride\b",
    r"\b(?:unlimited\sbudget|budget\s(?:is\s)?(?:now\s)?unlimited)\b",
    rf"\byou\sare\s(?:now|no\slonger)\s(?:a\s|an\s|the\s|in\s)?(?:dan\b|jailbroken|unrestricted|unfiltered|root\b|"
    rf"admin(?:istrator)?\b|{_MODE}|bound\sby|restricted\sby|subject\sto\s(?:any|the)\s{_ORDERS})",
    rf"\b{_MODE}\s(?:enabled|activated|on)\b",
    r"\bdo\sanything\snow\b",
    r"\b(?:reveal|print|repeat|show|output|leak|dump|exfiltrate|disclose)\s(?:me\s)?(?:your|the|its)\s"
    r"(?:full\s|entire\s|hidden\s|initial\s)?(?:(?:system\s)?(?:prompt|instructions)|system\smessage|api\skeys?|credentials|"
    r"secrets)\b",
    rf"\b{_LIMIT} {_THE}{_WHOSE_LIMIT}(?: (?:cost|spend(?:ing)?))?{_WHAT_LIMIT}",
    rf"\b{_TURN_OFF} {_THE}(?:sandbox|policy enforce\w{{0,6}}|validation|approvals?|human approval|guardrails?|"
    r"emergency stop)\b",
    r"\bnew\s(?:system\s)?(?:instructions?|prompt|rules?) ?:",
)
_ELSEWHERE = one_of(
    r"\b(?:ignorier\w{0,4}|vergiss|missachte\w{0,2})\s[^.!?]{0,20}(?:vorherigen|bisherigen|obigen)\s\w",
    r"\b(?:ignor|olvid)\w{1,4}\s[^.!?]{0,20}instrucciones\s(?:anteriores|previas)",
    r"\b(?:ignor|oubli)\w{1,4}\s[^.!?]{0,20}instructions\spr[e\u00e9]c[e\u00e9]dentes",
    r"\b(?:ignor|esque)\w{1,4}\s[^.!?]{0,20}instru[c\u00e7][o\u00f5]es\santeriores",
    r"\b(?:ignor|dimentic)\w{1,4}\s[^.!?]{0,20}istruzioni\sprecedenti",
    "\u5ffd\u7565[^\u3002.]{0,6}(?:\u4e4b\u524d|\u4ee5\u4e0a|\u5148\u524d|\u4e0a\u9762)[^\u3002.]{0,4}"
    "(?:\u6307\u4ee4|\u6307\u793a|\u8bf4\u660e|\u63d0\u793a)",
    "(?:\u4ee5\u524d|\u4e0a\u8a18|\u3053\u308c\u307e\u3067)\u306e\u6307\u793a\u3092\u7121\u8996",
    "(?:\u0438\u0433\u043d\u043e\u0440\u0438\u0440|\u0437\u0430\u0431\u0443\u0434)\\w{1,6}\\s[^.!?]{0,20}"
    "(?:\u043f\u0440\u0435\u0434\u044b\u0434\u0443\u0449|\u0432\u0441\u0435)\\w{0,4}\\s"
    "\u0438\u043d\u0441\u0442\u0440\u0443\u043a",
)
"""The same in German, Spanish, French, Portuguese, Italian, Chinese, Japanese and Russian: a sample, no more."""

_DOTTED = re.compile(r"(?<=[a-z])[._*|-](?=[a-z])")
_SPELLED = re.compile(r"\b(?:[a-z] ){4,40}[a-z]\b")
_LEET = str.maketrans("013457@$", "oieastas")
_ASSIGNMENT = re.compile(
    r"\b(?:tenant(?:_id)?|run_id|budget(?:_cents)?|(?:cost_)?ceiling(?:_cents)?|policy|approved?|workflow_seed) ?"
    r"(?::=|=(?!=)|\bset to\b) ?[\"']?[\w-]"
)
"""A protected field set in words; in free text it is a mention."""

_MARKUP = one_of(
    r"<\|(?:im_start|im_end|system|user|assistant|endoftext|start_header_id|end_header_id|eot_id)\|>",
    r"\[/?inst\]",
    r"<</?sys>>",
    r"</?(?:system|assistant|instructions?|system_prompt)>",
    r"<start_of_turn>",
    r"[\"']role[\"'] ?: ?[\"'](?:system|developer)[\"']",
    r"(?:^|\n)system\n",
    r"\[system\](?:\(#\w{0,20}\)) ?:?",
    r"(?:^|\n)#{1,6} ?(?:system|developer|new) (?:prompt|message|instructions?)\b",
    r"\b(?:begin|end|start of) (?:system|admin|developer) (?:prompt|message|instructions?|override)\b",
)
_MARKUP_IN_TEXT = one_of(
    r"<\|(?:im_start|im_end|system|start_header_id|eot_id)\|>\s?\w",
    r"<<sys>>",
    r"\[inst\][^\[]{1,400}\[/inst\]",
)
_ROLE = re.compile(
    r"(?:^|\n)[ *_#>\[]{0,6}(?:(?:system|developer)(?: prompt| message)?|assistant|admin(?:istrator)?)"
    r"[ *_\]]{0,4}(?::|>{2})"
)
_FETCH = re.compile(
    r"\b(?:fetch|get|open|download|visit|request|curl|wget|call|read|load|query|access|browse|post|send|scrape|"
    r"crawl|connect|go) (?:(?:to|from|the|data|contents?|of|it|results?|url) ){0,4}[<\"'(]{0,2}"
    r"(?P<url>[a-z][a-z0-9+.-]{1,12}:/{1,3}[^\s\"'<>`|]{1,2048})"
)
_SENTENCE_START = re.compile(
    r"(?:^|[.!?:;)\n\]>*#-]|\b(?:please|now|and|then|also|so|must|should|important|assistant|ai|llm|hey|ok|okay))"
    r"[\s,*_#>-]{0,8}$"
)
_QUOTES = tuple("\"'`\u201c\u2018\u00ab\u201e\u300c")
_MAX_URLS = 100


def judge_instruction(text: str) -> Iterator[Reason]:
    """Orders in a field that a model will obey."""
    text = flat(text)
    found = _OVERRIDE.search(text) or _ELSEWHERE.search(text)
    found = found or _ASSIGNMENT.search(outside_code(text)) or _OVERRIDE.search(_respelled(text))
    if found:
        yield Reason(Code.PROMPT_OVERRIDE, f"{shown(found[0])} overrides the platform's orders")
    if found := _MARKUP.search(text) or _ROLE.search(text):
        yield Reason(Code.PROMPT_ROLE, f"{shown(found[0].strip())} speaks in another role")


def fetched_urls(text: str) -> Iterator[str]:
    """URLs that an instruction orders to fetch."""
    if ":/" not in text:
        return
    for count, found in enumerate(_FETCH.finditer(flat(text))):
        if count == _MAX_URLS:
            return
        yield found["url"].rstrip(".,;:!?)]}")


def judge_prompt_in_text(text: str) -> Iterator[Reason]:
    """Orders in free text: an error where a sentence starts with one, a warning where it is only mentioned."""
    text = flat(text)
    if found := _OVERRIDE.search(text):
        before = text[max(0, found.start() - 40) : found.start()]
        is_order = before[-1:] not in _QUOTES and _SENTENCE_START.search(before) is not None
        message = f"{shown(found[0])} overrides the platform's orders"
        yield Reason(Code.PROMPT_OVERRIDE, message, "error" if is_order else "warning")
    if found := _MARKUP_IN_TEXT.search(text):
        yield Reason(Code.PROMPT_ROLE, f"{shown(found[0])} speaks in another role")


def _respelled(text: str) -> str:
    """``1gn0re.previous`` and ``i g n o r e previous`` in plain words."""
    words = _DOTTED.sub(" ", text.translate(_LEET))
    return _SPELLED.sub(lambda found: found[0].replace(" ", ""), words)
