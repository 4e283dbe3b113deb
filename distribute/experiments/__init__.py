"""Experiments on whole groups: strategies, assignment, analysis that may be looked at daily."""
