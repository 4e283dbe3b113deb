"""Personas in the store: read, blended with what was declared or set by hand, rebuilt at night.
The arithmetic is in `recommend.persona_math`."""
