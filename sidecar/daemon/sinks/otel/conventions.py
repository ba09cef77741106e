"""Names of the semantic conventions, and a request's ids as its caller knows them.

The GenAI conventions are in development, so their names are copied from
https://github.com/open-telemetry/semantic-conventions-genai instead of imported.
"""

import re

EVALUATION_RESULT = "gen_ai.evaluation.result"
EVALUATION_NAME = "gen_ai.evaluation.name"
SCORE_VALUE = "gen_ai.evaluation.score.value"
RESPONSE_ID = "gen_ai.response.id"
RESPONSE_MODEL = "gen_ai.response.model"
RECORD_UID = "log.record.uid"
"""Tells an event that came twice."""

REQUEST_ID = "gen_ai.request.id"
"""Not of the conventions: vLLM's own `llm_request` span has it."""

_INTERNAL = re.compile(r"(?:\d+_)?(.+)-[0-9a-f]{8}")
_PROMPT = re.compile(r"(cmpl-.+)-\d+")


def request_id(engines: str) -> str:
    """The id in vLLM's span: the engine's without the marks that make it unique.

    >>> request_id("1_chatcmpl-a7-0123abcd")
    'chatcmpl-a7'
    """
    found = _INTERNAL.fullmatch(engines)
    return found[1] if found else engines


def response_id(engines: str) -> str:
    """The id in the answer that the caller got; the prompts of one completion share it.

    >>> response_id("cmpl-a7-0-0123abcd")
    'cmpl-a7'
    """
    outer = request_id(engines)
    found = _PROMPT.fullmatch(outer)
    return found[1] if found else outer
