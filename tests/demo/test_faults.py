"""Each fault and each benign change does what its sentence says, and nothing else."""

from collections import Counter

import click
import pytest

from sidecar import cli
from sidecar.calibration.words import contains
from sidecar.demo import tokenizer
from sidecar.demo.corpus import MOST_DOCUMENTS as HEALTHY_MOST
from sidecar.demo.corpus import Corpus
from sidecar.demo.evaluate import prompt
from sidecar.demo.faults import BENIGN, CHANGES, FAULTS, HEALTHY, KEPT_WORDS, TAGS, Change
from sidecar.demo.world import MOST_DOCUMENTS, Case

SEEDS = range(150)


def cases(change: Change) -> list[tuple[Case, Case]]:
    """What a healthy retriever finds and what is served, for many seeds."""
    pairs = []
    for seed in SEEDS:
        corpus = Corpus(seed)
        found = corpus.case(change.routes)
        pairs.append((found, change.retrieve(corpus.world, found)))
    return pairs


def stating(case: Case) -> list[int]:
    """Places of the documents that state the current value."""
    found = enumerate(case.documents)
    return [place for place, one in found if contains(one.text, case.fact.value)]


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_is_the_same_for_the_same_seed_and_asks_what_was_asked(name: str) -> None:
    change = CHANGES[name]
    assert cases(change) == cases(change)
    for found, served in cases(change):
        assert (served.fact, served.question) == (found.fact, found.question)
        assert len({one.id for one in served.documents}) == len(served.documents)


@pytest.mark.parametrize("name", ["healthy", *(one.name for one in BENIGN)])
def test_a_benign_change_leaves_the_answer_where_gold_says(name: str) -> None:
    for _, served in cases(CHANGES.get(name, HEALTHY)):
        assert stating(served) == [served.gold]


def test_an_irrelevant_document_is_of_the_route_and_not_about_the_subject() -> None:
    for found, served in cases(CHANGES["retriever"]):
        assert len(served.documents) == len(found.documents)
        assert {one.fact.route for one in served.documents} == {found.route}
        assert found.fact.entity not in {one.fact.entity for one in served.documents}
        assert stating(served) == []
        assert served.gold is None


def test_a_cut_off_document_keeps_its_first_words_and_no_value() -> None:
    for found, served in cases(CHANGES["template"]):
        for before, after in zip(found.documents, served.documents, strict=True):
            assert before.text.startswith(after.text)
            assert len(after.text.split()) == KEPT_WORDS
            assert not contains(after.text, before.fact.value)
        assert served.gold is None


def test_a_stale_document_states_what_the_old_revision_says() -> None:
    wrong = 0
    for found, served in cases(CHANGES["stale"]):
        assert served.gold is not None
        gold = served.documents[served.gold].fact
        assert gold.key == found.fact.key
        assert len(served.documents) == len(found.documents)
        assert set(stating(served)) <= {served.gold}
        wrong += gold.value != found.fact.value
    assert wrong >= 0.95 * len(SEEDS)


def test_longer_documents_state_the_same_facts_in_more_words() -> None:
    for found, served in cases(CHANGES["longer-documents"]):
        assert [one.fact for one in served.documents] == [one.fact for one in found.documents]
        for before, after in zip(found.documents, served.documents, strict=True):
            assert after.text.count(".") >= before.fact.statement.count(".") + 3


def test_more_documents_are_more_than_a_healthy_retriever_ever_finds() -> None:
    for found, served in cases(CHANGES["more-documents"]):
        assert len(found.documents) <= HEALTHY_MOST < len(served.documents) == MOST_DOCUMENTS


def test_another_topic_mix_asks_mostly_about_staff() -> None:
    routes = Counter(served.route for _, served in cases(CHANGES["topic-mix"]))
    assert routes["staff"] > 0.65 * len(SEEDS)
    assert len(routes) == 3


def test_no_prompt_is_longer_than_the_model_was_trained_on() -> None:
    words = tokenizer.train(cases=200)
    for change in (HEALTHY, *CHANGES.values()):
        longest = max(len(words(prompt(served)).input_ids) for _, served in cases(change)[:50])
        assert longest <= 700, change.name


def test_every_change_can_be_told_in_the_archive() -> None:
    for change in CHANGES.values():
        told_by_tag = change.tags != TAGS
        assert told_by_tag == change.split.startswith("tags[")
        for name in change.renamed:
            assert name in TAGS
            assert change.split == f"tags['{name}']"
            assert change.tags[name] != TAGS[name]


def test_a_sentence_describes_each_change() -> None:
    for change in CHANGES.values():
        assert change.does.endswith(".")
        assert change.does.count(". ") == 0
    assert not any(fault.benign for fault in FAULTS)
    assert {one.name for one in CHANGES.values() if one.restarts} == {
        "closed-book",
        "no-prefix-cache",
    }


def test_the_command_offers_every_change() -> None:
    option = next(one for one in cli.main.commands["demo"].params if one.name == "fault")
    assert isinstance(option.type, click.Choice)
    assert list(option.type.choices) == list(CHANGES)
