"""The laboratory: the shop's architectures under the same load and the same faults, measured and judged."""
