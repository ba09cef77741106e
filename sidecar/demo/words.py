"""The single words of the invented world, and the parts of its names."""


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
ONSETS = _words("b d f g k m p r s t v z")
VOWELS = _words("a e i o u")
CODAS = ("", "l", "n")
ENDINGS = _words(
    "beck bridge burn bury combe cote croft dale field ford gate ham hurst ley"
    " mere mont port stead thorpe ton vale well wick worth"
)
PLACES = ("branch", "store", "depot", "arcade", "outlet", "market hall")
