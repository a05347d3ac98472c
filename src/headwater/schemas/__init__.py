"""Schemas of events: written down, compared with earlier ones, checked against what is stored, and turned into
documents. Pure, but for `verifying` and `drift`, which read."""
