"""From calls and rates to charges, allocations and rollups; reconciled."""
