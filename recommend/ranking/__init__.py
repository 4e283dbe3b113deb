"""Learned ranking of the feed: named features, a hand-set prior, boosting on its residual,
exploration with known propensities, and replay of what was logged."""
