"""Pages for people: what accounts and groups received, waiting tasks, fault switches."""
