"""Headwater's speed, measured against its peers and against what one would write by hand. See README.md."""
