"""The English of the invented world: how each attribute is stated and asked for.

``{e}`` is the entity's name and ``{v}`` the value. Every statement of an attribute means the same.
It begins with the entity, so that a small model can start its answer from the question alone, and
goes on with a verb that tells the attribute, because what a document says later cannot be seen yet.
The value comes at most two words after the entity, where the model still sees whose it is.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Attribute:
    """One kind of fact: ``kind`` names the generator of its values in `values`."""

    kind: str
    topic: str
    """One word that an answer begins with."""
    statements: tuple[str, ...]
    questions: tuple[str, ...]


ROUTES: dict[str, tuple[Attribute, ...]] = {
    "shop": (
        Attribute(
            "price",
            "Price",
            ("{e} costs {v}.", "{e} sells for {v}.", "{e} retails at {v}."),
            ("How much does {e} cost?", "What is the price of {e}?", "What would I pay for {e}?"),
        ),
        Attribute(
            "weight",
            "Weight",
            ("{e} weighs {v}.", "{e} balances {v}.", "{e} adds {v} to a parcel."),
            ("How heavy is {e}?", "What does {e} weigh?", "What is the weight of {e}?"),
        ),
        Attribute(
            "warranty",
            "Warranty",
            (
                "{e} carries {v} of warranty.",
                "{e} includes {v} of warranty.",
                "{e} enjoys {v} of warranty.",
            ),
            (
                "How long is the warranty on {e}?",
                "For how long is {e} covered?",
                "What warranty comes with {e}?",
            ),
        ),
        Attribute(
            "delivery",
            "Delivery",
            ("{e} arrives after {v}.", "{e} travels {v} to customers.", "{e} ships in {v}."),
            (
                "How soon is {e} delivered?",
                "How long does delivery of {e} take?",
                "When would {e} arrive?",
            ),
        ),
        Attribute(
            "colour",
            "Colour",
            ("{e} comes in {v}.", "{e} wears {v}.", "{e} shines in {v}."),
            ("Which colour is {e}?", "What colour does {e} come in?", "How is {e} painted?"),
        ),
        Attribute(
            "town",
            "Origin",
            ("{e} originates in {v}.", "{e} hails from {v}.", "{e} stems from {v}."),
            ("Where is {e} made?", "In which town is {e} built?", "Where does {e} come from?"),
        ),
        Attribute(
            "date",
            "Launch",
            ("{e} launched on {v}.", "{e} debuted on {v}.", "{e} appeared on {v}."),
            (
                "When was {e} launched?",
                "On which day did {e} appear?",
                "Since when is {e} in the shops?",
            ),
        ),
    ),
    "staff": (
        Attribute(
            "room",
            "Room",
            ("{e} works in {v}.", "{e} sits in {v}.", "{e} occupies {v}."),
            ("Where does {e} work?", "In which room is {e}?", "Where do I find {e}?"),
        ),
        Attribute(
            "department",
            "Team",
            ("{e} belongs to {v}.", "{e} supports {v}.", "{e} represents {v}."),
            (
                "Which department does {e} belong to?",
                "What is the team of {e}?",
                "In which department is {e}?",
            ),
        ),
        Attribute(
            "extension",
            "Telephone",
            ("{e} answers on {v}.", "{e} rings on {v}.", "{e} listens on {v}."),
            ("How do I call {e}?", "What is the number of {e}?", "Which number reaches {e}?"),
        ),
        Attribute(
            "date",
            "Start",
            ("{e} joined on {v}.", "{e} started on {v}.", "{e} arrived on {v}."),
            ("When did {e} join?", "Since when has {e} been here?", "On which day did {e} start?"),
        ),
        Attribute(
            "person",
            "Manager",
            ("{e} reports to {v}.", "{e} follows {v}.", "{e} assists {v}."),
            ("Who manages {e}?", "Whom does {e} report to?", "Who is the manager of {e}?"),
        ),
    ),
    "policy": (
        Attribute(
            "window",
            "Returns",
            (
                "{e} allows {v} for returns.",
                "{e} grants {v} for returns.",
                "{e} refunds within {v}.",
            ),
            (
                "How long can I return goods at {e}?",
                "What is the return window at {e}?",
                "For how long does {e} take goods back?",
            ),
        ),
        Attribute(
            "opening",
            "Opening",
            ("{e} opens at {v}.", "{e} unlocks at {v}.", "{e} wakes at {v}."),
            (
                "When does {e} open?",
                "From when is {e} open?",
                "What time do the doors of {e} open?",
            ),
        ),
        Attribute(
            "closing",
            "Closing",
            ("{e} closes at {v}.", "{e} serves until {v}.", "{e} shuts at {v}."),
            (
                "When does {e} close?",
                "Until when is {e} open?",
                "What time is the last order at {e}?",
            ),
        ),
        Attribute(
            "fee",
            "Fee",
            (
                "{e} charges {v} for restocking.",
                "{e} deducts {v} for restocking.",
                "{e} keeps {v} for restocking.",
            ),
            (
                "What is the restocking fee at {e}?",
                "How much does {e} charge for restocking?",
                "What does restocking cost at {e}?",
            ),
        ),
        Attribute(
            "person",
            "Head",
            ("{e} obeys {v}.", "{e} names {v} as its head.", "{e} trusts {v} with complaints."),
            ("Who runs {e}?", "Who is the head of {e}?", "Who handles complaints at {e}?"),
        ),
    ),
}
