"""Co-reading: what readers of one item also like, learned from likes and from what items say."""
