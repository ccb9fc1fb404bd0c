"""Checkpoints of a job in the store: whoever takes the job over finds them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pricebid.store import job_claims
from pricebid.store.errors import NotFound

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

    from pricebid.store import Store


@dataclass(frozen=True, kw_only=True)
class OfJob:
    """Checkpoints of a job that this worker has taken; saving is refused once another has taken it over.

    Parameters
    ----------
    db : Store
        Open.
    claim : Claim
        As taken.
    """

    db: Store
    claim: job_claims.Claim

    def done(self) -> AbstractSet[int]:
        """Give the numbers of the parts whose result is kept."""
        return {one.part for one in job_claims.parts(self.db, self.claim.job.id)}

    def load(self, part: int) -> bytes:
        """Give the result of a part that is done.

        Raises
        ------
        NotFound
            It is not done.
        StoreError
            It is damaged.
        """
        data = job_claims.part_data(self.db, self.claim.job.id, part)
        if data is None:
            raise NotFound(f"part {part} of job {self.claim.job.id} is not done")
        return data

    def save(self, part: int, data: bytes, *, name: str) -> None:
        """Keep the result of a part.

        Raises
        ------
        LeaseLost
            The job is another worker's by now.
        """
        job_claims.checkpoint(self.db, self.claim, part, data, name=name)
