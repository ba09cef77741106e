"""A real Alertmanager keeps an alert silent while another explains it, and no other one."""

from collections.abc import Callable, Iterator

import httpx
import pytest
import yaml

from dashboards import generate
from dashboards.rules.table import ALERTS
from tests.conftest import Requires
from tests.dashboards.cases import CASES
from tests.dashboards.services import alertmanager
from tests.waiting import eventually

PAIRS = [(name, source) for name, alert in ALERTS.items() for source in alert.explained_by]
MATCHING = {"reason": "too few requests yet", "sink": "kafka"}
"""Values of labels of which only some are explained."""
CHANGE = {"model_name": "pushed", "direction": "drop"}

Labels = dict[str, str]
Post = Callable[..., None]


def case(name: str, **labels: str) -> Labels:
    """An alert of a case, with other values of labels."""
    return CASES[name].labels | labels | {"alertname": name}


_MISSING = case(
    "AttentionDriftUnmeasured", reason="context_share missing in most of the latest requests"
)
UNRELATED = [
    pytest.param(source, target, id=f"{source['alertname']}: {target['alertname']}")
    for source, target in (
        (case("AttentionUncalibrated"), _MISSING | {"model_name": "another"}),
        (case("AttentionTapBlind", instance="pod-2"), case("AttentionDriftUnmeasured")),
        (case("AttentionContextUnmeasured"), _MISSING),
        (case("AttentionSinkDown", sink="otel"), case("AttentionDeliveryBurnsFast")),
        (case("AttentionSinkDown", sink="otel"), case("AttentionDeliveryBudgetSpent")),
        (case("AttentionDocumentsNotFound"), case("AttentionContextUnmeasured")),
    )
]

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def manager(requires: Requires, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    whole = yaml.safe_load((generate.FOLDER / "alertmanager/inhibit-rules.yaml").read_text())
    whole |= {"route": {"receiver": "none"}, "receivers": [{"name": "none"}]}
    folder, program = tmp_path_factory.mktemp("manager"), requires("prometheus-alertmanager")
    with alertmanager(program, folder, whole) as address:
        yield f"http://{address}/api/v2/alerts"


@pytest.fixture
def post(manager: str) -> Iterator[Post]:
    """Raises alerts, which are over after the test."""
    raised: list[Labels] = []

    def send(*labels: Labels) -> None:
        raised.extend(labels)
        httpx.post(manager, json=[{"labels": one} for one in labels]).raise_for_status()

    yield send
    over = {"startsAt": "2020-01-01T00:00:00Z", "endsAt": "2020-01-01T00:00:01Z"}
    httpx.post(manager, json=[{"labels": one, **over} for one in raised]).raise_for_status()
    eventually(lambda: not httpx.get(manager).json())


def silent(manager: str) -> list[Labels]:
    found = httpx.get(manager).raise_for_status().json()
    return [one["labels"] for one in found if one["status"]["inhibitedBy"]]


@pytest.mark.parametrize(("name", "source"), PAIRS)
def test_an_explained_alert_is_inhibited_and_another_is_not(
    manager: str, post: Post, name: str, source: str
) -> None:
    cause = ALERTS[name].explained_by[source]
    target = case(name, **{label: MATCHING[label] for label in cause.where})
    others = [target | {label: f"another {label}"} for label in (*cause.same, *cause.where)]
    post(case(source), target, *others)
    assert eventually(lambda: silent(manager)) == [target]


@pytest.mark.parametrize(("source", "target"), UNRELATED)
def test_an_alert_on_something_else_is_heard(
    manager: str, post: Post, source: Labels, target: Labels
) -> None:
    explained = case("AttentionSinkDown")
    post(source, target)
    post(case("AttentionKafkaAway"), explained)
    assert eventually(lambda: silent(manager)) == [explained]


@pytest.mark.parametrize("source", ["AttentionDrift", "AttentionGroundingDrift"])
def test_behaviour_explains_the_traffic_of_the_same_change_however_it_is_told(
    manager: str, post: Post, source: str
) -> None:
    targets = {"AttentionDrift", "AttentionTrafficDrift"}
    traffic = CHANGE | {"kind": "traffic"}
    post(CHANGE | {"kind": "behaviour", "alertname": source})
    post(traffic | {"direction": "rise", "alertname": "AttentionTrafficDrift"})
    post(*(traffic | {"alertname": name} for name in targets))
    eventually(lambda: len(silent(manager)) == len(targets))
    found = {(one["alertname"], one["direction"]) for one in silent(manager)}
    assert found == {(name, "drop") for name in targets}


@pytest.mark.parametrize(
    ("kind", "name"),
    [("behaviour", "AttentionGroundingDrift"), ("traffic", "AttentionTrafficDrift")],
)
def test_what_a_daemon_pushes_is_not_told_by_the_rule_too(
    manager: str, post: Post, kind: str, name: str
) -> None:
    rule = CHANGE | {"kind": kind, "alertname": name}
    post(rule | {"alertname": "AttentionDrift"}, rule, rule | {"model_name": "another"})
    assert eventually(lambda: silent(manager)) == [rule]
