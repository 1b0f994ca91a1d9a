"""Settings: what a person may configure, where it is kept, and how wrong values are told."""
