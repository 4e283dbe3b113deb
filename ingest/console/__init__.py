"""The content pages of the console: items, the editor, imports."""

from ingest.console.section import SECTION

__all__ = ["SECTION"]
