"""What the console shows of matching, personas and search."""

from recommend.console.section import SECTION

__all__ = ["SECTION"]
