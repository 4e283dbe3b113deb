"""The console shell: layout, sign-in, navigation, language, charts, error pages.

Rooms bring a `Section`; `init_app` puts the pieces together.
"""

from contentcenter.console.sections import Figure, NavEntry, Panel, PanelRow, Section
from contentcenter.console.session import signed_in
from contentcenter.console.shell import init_app

__all__ = ["Figure", "NavEntry", "Panel", "PanelRow", "Section", "init_app", "signed_in"]
