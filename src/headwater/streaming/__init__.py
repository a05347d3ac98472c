"""The streaming service: topics of keyed records, kept by a broker, worked off by groups of members."""
