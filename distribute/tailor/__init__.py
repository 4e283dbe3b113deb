"""Tailoring: one item in the words, length and format of one audience's channel. Pure."""
