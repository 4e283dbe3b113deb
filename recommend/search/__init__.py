"""Search: lexical and by meaning, facets, hints, completions; `service` answers questions."""
