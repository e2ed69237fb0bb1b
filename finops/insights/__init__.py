"""Why cost changed, what to reserve, and whether GPUs are worth owning."""
