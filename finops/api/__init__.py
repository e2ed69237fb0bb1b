"""REST v1: what the pages know, for programs; of the workspace of the key or session alone."""
