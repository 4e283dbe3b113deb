"""Thin clients of the platforms, one for each kind of channel."""
