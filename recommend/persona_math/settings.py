"""The constants of persona arithmetic, in one place."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class PersonaSettings:
    """Half-lives are days. `*_evidence` is how much evidence makes a field half sure.

    `join_z` and `merge_z` count standard deviations of the cosine between random corpus
    vectors, so that they mean the same for every embedding model. `member_share` is how much
    an audience learns from what a member does alone (0: nothing). `interest_evidence` is for a
    reader, `group_evidence` for a group: many answers to one post tell of one choice of ours.
    `price_evidence` and `elasticity_evidence` are for a reader too; of a group they take as many
    times more.
    `alone_evidence` is what the usual interests are worth beside what members did alone (answers).
    """

    interest_half_life: float = 30.0
    recent_half_life: float = 3.0
    price_half_life: float = 90.0
    max_centres: int = 6
    join_z: float = 2.2
    merge_z: float = 3.5
    max_tags: int = 64
    interest_evidence: float = 8.0
    group_evidence: float = 40.0
    alone_evidence: float = 8.0
    price_evidence: float = 12.0
    elasticity_evidence: float = 40.0
    hours_evidence: float = 20.0
    fatigue_evidence: float = 8.0
    response_prior: float = 0.05
    response_evidence: float = 40.0
    member_share: float = 0.5

    def bunch(self, size: int) -> float:
        """How many answers of a subject of so many members tell as much as one of a reader."""
        return 1.0 if size == 1 else self.group_evidence / self.interest_evidence
