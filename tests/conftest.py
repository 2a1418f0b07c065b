"""For every test: how many examples a property is tried with where nobody asked for a number.

`make quick` says ``--hypothesis-profile=quick``; `make test` tries what Hypothesis does by itself.
"""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("quick", max_examples=25)
