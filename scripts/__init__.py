"""Set-up, demo and checks: what `make` calls."""
