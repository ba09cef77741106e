"""The facts that training teaches by heart, and what documents say of them today.

A bundled model has learned the first revision. Documents state a later one, so an answer tells
whether it was read or remembered.
"""

from functools import cache

from sidecar.demo.world import ROUTES, Fact, World

FACTS_PER_ROUTE = 50


@cache
def remembered() -> tuple[Fact, ...]:
    """The 150 facts that are taught by heart, 50 of each route."""
    world = World("memory")
    return tuple(fact for route in ROUTES for fact in world.facts(route, FACTS_PER_ROUTE))


@cache
def revision(number: int) -> tuple[Fact, ...]:
    """The same facts with other values; equal numbers give equal values, from 1 up."""
    world = World(f"revision-{number}")
    return tuple(map(world.revised, remembered()))


@cache
def by_key() -> dict[tuple[str, str], Fact]:
    """What is remembered of an entity and a kind of fact."""
    return {fact.key: fact for fact in remembered()}
