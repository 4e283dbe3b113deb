"""The pages of distribution: audiences, channels, the week, posts."""

from distribute.console.section import SECTION

__all__ = ["SECTION"]
