"""What every test shares."""

from hypothesis import settings

# Two busy cores make single examples slow now and then: timing belongs to benchmarks/.
settings.register_profile("nbkit", deadline=None)
settings.load_profile("nbkit")
