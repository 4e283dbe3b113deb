"""A local twin of two messaging platforms (Official Account and WeCom).

It is a program of its own and knows nothing of the product that talks to it; see
docs/sandbox.md for what it imitates and how to steer it.
"""
