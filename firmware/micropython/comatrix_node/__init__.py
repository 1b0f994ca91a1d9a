"""The node: what runs on a board beside the shared `comatrix.codec` and `comatrix.session`."""
