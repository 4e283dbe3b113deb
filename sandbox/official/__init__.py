"""The Official Account side of the twin."""
