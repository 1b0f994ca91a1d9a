"""Pages and tables made from the code they describe, so that they cannot differ from it."""
