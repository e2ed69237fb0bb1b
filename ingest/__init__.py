"""The collector: receivers, spool, loader and the dialect table."""
