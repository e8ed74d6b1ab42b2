"""What all tests share: how Hypothesis runs."""

from __future__ import annotations

from hypothesis import settings

# No deadline: a shared machine is slow now and then, and that is no failure of the code.
settings.register_profile("pmstore", deadline=None, print_blob=True)
settings.load_profile("pmstore")
