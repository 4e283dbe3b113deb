"""Persona arithmetic: pure functions from events and declarations to a persona.

`decay` says how old evidence fades, `centres` keeps the interest centres, `prices` the price
band, `learned` the sums of one subject, `learn` moves them by events, `blend` mixes what was
declared, learned and set by hand into one explainable `Persona`.
"""

from recommend.persona_math.blend import Blending, Declared, Persona, PriceBand, blend
from recommend.persona_math.centres import Centres
from recommend.persona_math.learn import ItemFacts, LearnEvent, learn
from recommend.persona_math.learned import Learned
from recommend.persona_math.settings import PersonaSettings

__all__ = [
    "Blending",
    "Centres",
    "Declared",
    "ItemFacts",
    "LearnEvent",
    "Learned",
    "Persona",
    "PersonaSettings",
    "PriceBand",
    "blend",
    "learn",
]
