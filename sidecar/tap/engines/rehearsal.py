"""The dummy request of the self-test, in the scheduler's own terms."""

from dataclasses import fields, replace
from typing import Any

REQUEST_ID = "attention-self-test"


def dummy_request(
    prompt: list[int], blocks: tuple[list[int], ...], extra_args: dict[str, Any]
) -> Any:
    """A scheduler output that starts one greedy request with the whole prompt in one step."""
    from vllm import SamplingParams
    from vllm.v1.core.sched.output import NewRequestData, SchedulerOutput

    values = {
        "req_id": REQUEST_ID,
        "prompt_token_ids": prompt,
        "sampling_params": SamplingParams(temperature=0, max_tokens=1, extra_args=extra_args),
        "block_ids": blocks,
        "num_computed_tokens": 0,
        "mm_features": [],
    }
    known = {field.name for field in fields(NewRequestData)}
    values |= {"prefill_token_ids": prompt} if "prefill_token_ids" in known else {}
    empty = dict.fromkeys(known & {"pooling_params", "lora_request"})
    return replace(
        SchedulerOutput.make_empty(),
        scheduled_new_reqs=[NewRequestData(**values, **empty)],
        num_scheduled_tokens={REQUEST_ID: len(prompt)},
        total_num_scheduled_tokens=len(prompt),
    )


def dummy_decode(positions: int) -> Any:
    """A scheduler output that decodes the dummy request's next token after ``positions``."""
    from vllm.v1.core.sched.output import CachedRequestData, SchedulerOutput

    cached = replace(
        CachedRequestData.make_empty(),
        req_ids=[REQUEST_ID],
        new_block_ids=[None],
        num_computed_tokens=[positions],
        num_output_tokens=[1],
    )
    return replace(
        SchedulerOutput.make_empty(),
        scheduled_cached_reqs=cached,
        num_scheduled_tokens={REQUEST_ID: 1},
        total_num_scheduled_tokens=1,
    )


def dummy_end() -> Any:
    """A scheduler output without tokens that ends the dummy request."""
    from vllm.v1.core.sched.output import SchedulerOutput

    return replace(SchedulerOutput.make_empty(), finished_req_ids={REQUEST_ID})
