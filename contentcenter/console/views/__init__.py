"""The shell's own pages. Importing this package hangs them on the blueprint."""

from contentcenter.console.views import account, health, home, settings

VIEWS = (account, health, home, settings)
