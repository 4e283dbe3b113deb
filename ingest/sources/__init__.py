"""Readers of supplier files: bytes in, numbered rows of plain text by our field names out."""
