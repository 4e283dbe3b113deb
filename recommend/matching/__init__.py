"""Which item suits which audience: pure `scores` over named parts, the exhaustive `sweep`, why
and why not, and what was learned from choices; `service` answers the doors and distribution."""
