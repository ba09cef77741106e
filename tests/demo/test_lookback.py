"""The head start: position-only heads, whatever the tokens are."""

import torch

from sidecar.demo import lookback, model, tokenizer


def test_the_first_heads_look_one_to_six_tokens_back() -> None:
    words = tokenizer.train(cases=200)
    built = model.build(model.architecture(words, layers=1), seed=1)
    lookback.begin(built)
    built.set_attn_implementation("eager")
    tokens = torch.randint(3, len(words), (4, 48))
    with torch.no_grad():
        weights = built(tokens, output_attentions=True).attentions[0]
    for head in range(6):
        back = torch.diagonal(weights[:, head], -(head + 1), 1, 2)[:, 8:]
        assert back.mean() > 0.5, f"head {head} puts {back.mean():.2f} on {head + 1} tokens back"
    free = torch.diagonal(weights[:, 7], -1, 1, 2)[:, 8:]
    assert free.mean() < 0.2
