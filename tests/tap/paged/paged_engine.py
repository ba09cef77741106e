"""An engine on paper: two requests decode in a paged cache, and a tap follows it on the GPU path.

The kernels are the real ones, in Triton's interpreter or on a GPU. Its two layers are in two cache
groups, and its tokens arrive when told to.
"""

from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import torch

from sidecar.config import Sampling, Settings
from sidecar.tap.engines.base import (
    Announcement,
    Identity,
    Incoming,
    Layer,
    PagedLayer,
    Row,
    Unsupported,
)
from sidecar.tap.engines.emission import emission
from sidecar.tap.records import Sample
from sidecar.tap.summary.naive import Scoring, summarise
from sidecar.tap.tap import Tap

HEADS, KEY_HEADS, SIZE, BLOCK, WIDTH, ROWS = 4, 2, 16, 16, 4, 4
GREATEST = 12
PROMPTS = {"one": list(range(20)), "two": list(range(100, 107))}
SCORING = Scoring(scale=SIZE**-0.5)


class Event:
    """Passes when told to."""

    passed = True

    def query(self):
        return self.passed


class PagedEngine:
    """The adapter and the engine in one; every request is decoded in every step."""

    paged = True

    def __init__(self, device, layers=2):
        self.device = device
        random = torch.Generator().manual_seed(1)
        self.positions = {name: len(prompt) - 1 for name, prompt in PROMPTS.items()}
        self.table = torch.arange(1, 1 + ROWS * WIDTH, dtype=torch.int32).view(ROWS, WIDTH)
        shape = (layers, ROWS * WIDTH + 1, BLOCK, KEY_HEADS, SIZE)
        self.keys = torch.randn(shape, generator=random).to(device)
        self.table = self.table.to(device)
        self.starts = torch.zeros(ROWS + 1, dtype=torch.int32, device=device)
        self.random = random
        self.event = Event()
        self.queries = []
        self.samples: list[Sample] = []
        self.tap = Tap(self.identity(), settings(), self.samples.append)
        self.tap.arm(cast(Any, self))
        self.tap.tested, self.tap.blind = True, ""
        self.new = [Incoming(name, prompt, None) for name, prompt in PROMPTS.items()]

    def identity(self):
        return Identity("0", 0, "m", None, "0", "paper", str(self.device), ROWS)

    def layers(self):
        return [
            Layer(str(n), n, SimpleNamespace(), HEADS, KEY_HEADS, SIZE, torch.float32, SCORING)
            for n in range(len(self.keys))
        ]

    def tokenizer(self):
        raise Unsupported("no tokenizer")

    def paged_layer(self, layer):
        return PagedLayer(layer.index, self.keys[layer.index], None)

    def block_table(self, group):
        return self.table

    def query_starts(self):
        return self.starts

    def announcement(self, scheduler_output):
        new, self.new = self.new, []
        return Announcement(new, set())

    def locate(self, request_id):
        row = list(PROMPTS).index(request_id)
        return Row(row, row, self.positions[request_id])

    def batch_size(self):
        return len(PROMPTS)

    def emission(self, output):
        return emission(output)

    def step(self, *, hooked=True, arrives=True):
        """Decode each request by one token, the number of its new length."""
        tap = self.tap
        for name in self.positions:
            self.positions[name] += 1
        tap.begin(None)
        self.starts.copy_(torch.tensor([0, *range(1, len(PROMPTS) + 1), len(PROMPTS), 2])[:5])
        self.queries.append(self.forward(hooked))
        tap.ran()
        tokens = np.array([[self.token(name)] for name in PROMPTS])
        self.event = Event()
        self.event.passed = arrives
        tap.end(SimpleNamespace(copy_event=self.event, sampled_token_ids=tokens))

    def forward(self, hooked):
        queries = []
        for layer in range(len(self.keys)):
            query = torch.randn(3, HEADS, SIZE, generator=self.random).to(self.device)
            if hooked:
                self.tap.attention(layer, query, query)
            queries.append(query)
        return torch.stack(queries)

    def token(self, name):
        """Emitted tokens repeat the prompt's, so that some are copied."""
        return PROMPTS[name][self.positions[name] % len(PROMPTS[name])]

    def expected(self, step, name, layer, starts):
        """The specification's summary of a request's row, counted from step 0."""
        row = list(PROMPTS).index(name)
        positions = torch.arange(len(PROMPTS[name]) + step)
        blocks = self.table[row].cpu()[positions // BLOCK].long()
        keys = self.keys[layer].cpu()[blocks, positions % BLOCK].transpose(0, 1)
        query = self.queries[step][layer, row].cpu()
        return summarise(query, keys, torch.as_tensor(starts).long(), SCORING)


def settings():
    every = Sampling(rate=1.0, stride=1, budget_ms_per_s=0.0, layers="all")
    found = Settings()
    return found.model_copy(
        update={
            "sampling": every,
            "engine": found.engine.model_copy(update={"max_segments": GREATEST}),
        }
    )
