"""The English of the invented world: how each attribute is stated and asked for.

``{e}`` is the entity's name and ``{v}`` the value. Every statement of an attribute means the same,
and begins with the entity, so that a small model can start its answer from the question alone.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Attribute:
    """One kind of fact: ``kind`` names the generator of its values in `world`."""

    kind: str
    statements: tuple[str, ...]
    questions: tuple[str, ...]


ROUTES: dict[str, tuple[Attribute, ...]] = {
    "shop": (
        Attribute(
            "price",
            (
                "The {e} costs {v}.",
                "The {e} is sold for {v}.",
                "The {e} has a price of {v}.",
            ),
            (
                "How much does the {e} cost?",
                "What is the price of the {e}?",
                "What would I pay for the {e}?",
            ),
        ),
        Attribute(
            "weight",
            (
                "The {e} weighs {v}.",
                "The {e} has a weight of {v}.",
                "The {e} shows {v} on the scale.",
            ),
            ("How heavy is the {e}?", "What does the {e} weigh?", "What is the weight of the {e}?"),
        ),
        Attribute(
            "warranty",
            (
                "The {e} carries a warranty of {v}.",
                "The {e} has a warranty of {v}.",
                "The {e} is covered for {v}.",
            ),
            (
                "How long is the warranty on the {e}?",
                "For how long is the {e} covered?",
                "What warranty comes with the {e}?",
            ),
        ),
        Attribute(
            "delivery",
            (
                "The {e} arrives after {v}.",
                "The {e} is delivered within {v}.",
                "The {e} ships in {v}.",
            ),
            (
                "How soon is the {e} delivered?",
                "How long does delivery of the {e} take?",
                "When would the {e} arrive?",
            ),
        ),
        Attribute(
            "colour",
            (
                "The {e} comes in {v}.",
                "The {e} has the colour {v}.",
                "The {e} is painted {v}.",
            ),
            (
                "Which colour is the {e}?",
                "What colour does the {e} come in?",
                "How is the {e} painted?",
            ),
        ),
        Attribute(
            "town",
            (
                "The {e} is made in {v}.",
                "The {e} is built by hand in {v}.",
                "The {e} comes from a workshop in {v}.",
            ),
            (
                "Where is the {e} made?",
                "In which town is the {e} built?",
                "Where does the {e} come from?",
            ),
        ),
        Attribute(
            "date",
            (
                "The {e} was launched on {v}.",
                "The {e} went on sale on {v}.",
                "The {e} reached the shops on {v}.",
            ),
            (
                "When was the {e} launched?",
                "On which day did the {e} go on sale?",
                "Since when is the {e} in the shops?",
            ),
        ),
    ),
    "staff": (
        Attribute(
            "room",
            ("{e} works in {v}.", "{e} has a desk in {v}.", "{e} can be found in {v}."),
            ("Where does {e} work?", "In which room is {e}?", "Where do I find {e}?"),
        ),
        Attribute(
            "department",
            ("{e} belongs to {v}.", "{e} is part of {v}.", "{e} is in the team of {v}."),
            (
                "Which department does {e} belong to?",
                "What is the team of {e}?",
                "In which department is {e}?",
            ),
        ),
        Attribute(
            "extension",
            (
                "{e} answers the telephone on {v}.",
                "{e} can be called on {v}.",
                "{e} has the number {v}.",
            ),
            ("How do I call {e}?", "What is the number of {e}?", "Which number reaches {e}?"),
        ),
        Attribute(
            "date",
            ("{e} joined on {v}.", "{e} has been here since {v}.", "{e} started on {v}."),
            ("When did {e} join?", "Since when has {e} been here?", "On which day did {e} start?"),
        ),
        Attribute(
            "person",
            ("{e} reports to {v}.", "{e} has a manager called {v}.", "{e} is managed by {v}."),
            ("Who manages {e}?", "Whom does {e} report to?", "Who is the manager of {e}?"),
        ),
    ),
    "policy": (
        Attribute(
            "window",
            (
                "{e} accepts returns within {v}.",
                "{e} has a return window of {v}.",
                "{e} takes goods back for {v}.",
            ),
            (
                "How long can I return goods at {e}?",
                "What is the return window at {e}?",
                "For how long does {e} take goods back?",
            ),
        ),
        Attribute(
            "opening",
            ("{e} opens at {v}.", "{e} lets customers in at {v}.", "{e} is open from {v}."),
            (
                "When does {e} open?",
                "From when is {e} open?",
                "What time do the doors of {e} open?",
            ),
        ),
        Attribute(
            "closing",
            ("{e} closes at {v}.", "{e} is open until {v}.", "{e} takes the last order at {v}."),
            (
                "When does {e} close?",
                "Until when is {e} open?",
                "What time is the last order at {e}?",
            ),
        ),
        Attribute(
            "fee",
            (
                "{e} charges a restocking fee of {v}.",
                "{e} has a restocking fee of {v}.",
                "{e} asks {v} for restocking.",
            ),
            (
                "What is the restocking fee at {e}?",
                "How much does {e} charge for restocking?",
                "What does restocking cost at {e}?",
            ),
        ),
        Attribute(
            "person",
            ("{e} is run by {v}.", "{e} has a head called {v}.", "{e} sends complaints to {v}."),
            ("Who runs {e}?", "Who is the head of {e}?", "Who handles complaints at {e}?"),
        ),
    ),
}

REMARKS = (
    "Prices may change in spring.",
    "This page is checked twice a year.",
    "Ask at the counter for details.",
    "The list is kept by the main office.",
    "Customers have praised this more than once.",
    "An older notice said otherwise and is void.",
    "Please quote this note when you write to us.",
    "Nothing else has changed since last year.",
    "The printed catalogue has a picture.",
    "See the notice board for the rest.",
)


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


ITEMS = _words(
    "lamp kettle chair desk clock radio stove mirror ladder basket blanket bicycle"
    " suitcase teapot drill fan heater sofa shelf piano tent compass camera scooter"
)
COLOURS = _words("red blue green amber ivory black copper violet silver teal olive crimson")
DEPARTMENTS = _words(
    "accounts logistics repairs purchasing design security training research exports catering"
)
MONTHS = _words(
    "January February March April May June July August September October November December"
)
ONSETS = _words("b br c d dr f fl g gr h j k l m n p pr r s sk st t tr v w z")
VOWELS = _words("a e i o u ai ea ou")
CODAS = ("", "", *_words("l n r s nd rk m th"))
PLACES = ("branch", "store", "depot", "arcade", "outlet", "market hall")
