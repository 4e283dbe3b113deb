"""The embedded engine: tantivy for words, memory-mapped columns and vectors for the rest."""

from contentcenter.search.embedded.engine import EmbeddedIndex

__all__ = ["EmbeddedIndex"]
