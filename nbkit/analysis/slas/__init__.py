"""SLAs judged: what was measured, what it came to, what is left of the error budget, what burns."""

from nbkit.analysis.slas.budget import Attainment, Standing, attain, attained_by, burn_down
from nbkit.analysis.slas.burn import Burn, burning
from nbkit.analysis.slas.completion import DateCompletion
from nbkit.analysis.slas.measured import Measured, measure

__all__ = [
    "Attainment",
    "Burn",
    "DateCompletion",
    "Measured",
    "Standing",
    "attain",
    "attained_by",
    "burn_down",
    "burning",
    "measure",
]
