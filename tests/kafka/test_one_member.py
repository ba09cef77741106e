"""Who of a group gets the partitions."""

from types import SimpleNamespace

from sidecar.daemon.consumers.one_member import EVIDENCE, NOTHING, PARTITIONS, OneMember


class Cluster:
    def partitions_for_topic(self, topic: str) -> set[int] | None:
        return {"t": {2, 0, 1}}.get(topic)


def shares(**claims: bytes) -> dict[str, list[tuple[str, list[int]]]]:
    members = [
        SimpleNamespace(member_id=name, metadata=SimpleNamespace(user_data=claim, topics=["t"]))
        for name, claim in claims.items()
    ]
    found = OneMember(NOTHING).assign(Cluster(), members)
    return {name: list(given.assigned_partitions) for name, given in found.items()}


ALL = [("t", [0, 1, 2])]


def test_whoever_has_the_partitions_keeps_them_else_whoever_has_evidence() -> None:
    assert shares(a=PARTITIONS, b=EVIDENCE, c=NOTHING) == {"a": ALL, "b": [], "c": []}
    assert shares(a=NOTHING, b=EVIDENCE, c=NOTHING) == {"a": [], "b": ALL, "c": []}
    assert shares(a=NOTHING) == {"a": ALL}


def test_exactly_one_of_equals_has_all() -> None:
    assert sorted(map(len, shares(a=NOTHING, b=NOTHING, c=NOTHING).values())) == [0, 0, 1]


def test_a_topic_that_is_gone_is_nobodys() -> None:
    member = SimpleNamespace(
        member_id="a", metadata=SimpleNamespace(user_data=NOTHING, topics=["gone"])
    )
    [given] = OneMember(NOTHING).assign(Cluster(), [member]).values()
    assert given.partitions() == []


def test_a_member_tells_what_it_has() -> None:
    assignor = OneMember(EVIDENCE)
    assert assignor.metadata({"t"}).user_data == EVIDENCE
    [given] = assignor.assign(
        Cluster(),
        [SimpleNamespace(member_id="a", metadata=SimpleNamespace(user_data=b"", topics=["t"]))],
    ).values()
    assignor.on_assignment(given, 1)
    assert assignor.metadata({"t"}).user_data == PARTITIONS
