"""The feed: recall, rank, spread, say why; `service` puts them together."""
