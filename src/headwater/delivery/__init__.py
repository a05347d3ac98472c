"""Assured delivery: from the store to topics (relay), and from topics to effects that count once (consumers, inbox,
dead letters, redrive)."""
