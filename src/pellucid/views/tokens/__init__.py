"""The token lab as terminal text: listings, comparisons, steps, training, counts.

Each function returns a string, as those of `views.terminal` do.
"""

from __future__ import annotations

from .comparisons import aligned as aligned
from .comparisons import comparison as comparison
from .comparisons import densities as densities
from .counts import counts as counts
from .counts import estimated as estimated
from .counts import estimates as estimates
from .counts import reported as reported
from .listings import added as added
from .listings import chips as chips
from .listings import entries as entries
from .listings import listing as listing
from .listings import note as note
from .listings import other_reading as other_reading
from .listings import quoted as quoted
from .listings import vocabularies as vocabularies
from .steps import AGES as AGES
from .steps import about_unknown as about_unknown
from .steps import age as age
from .steps import ages as ages
from .steps import explained as explained
from .training import learned as learned
from .training import trained as trained
