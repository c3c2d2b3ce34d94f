"""Many looks at one plate make one answer: likelihoods add up, each weighted by the quality of its look."""

from __future__ import annotations

import math
from collections.abc import Sequence

from edge.plates.decide import decide
from edge.records import Candidate, Look

FAINTEST = 0.05  # even the worst look counts for something


def fuse(
    looks: Sequence[Look], *, region: str | None = None, independent: bool = True
) -> tuple[Candidate, ...]:
    """Candidates of all looks together, best first; of a single look its own reading.

    Weights are relative to the best look. Looks of one passage share light, dirt and angle, so n good
    ones count as much as √n independent ones; cuts of one frame (`independent` False) as one.
    """
    if len(looks) <= 1:
        return looks[0].reading.candidates if looks else ()
    texts = list(dict.fromkeys(c.text for look in looks for c in look.reading.candidates))
    qualities = [max(FAINTEST, look.quality.score) for look in looks]
    unit = math.sqrt(max(qualities) * sum(qualities)) if independent else sum(qualities)
    weighted = [
        (look.reading.log_posteriors, quality / unit) for look, quality in zip(looks, qualities, strict=True)
    ]
    return decide(texts, weighted, region)
