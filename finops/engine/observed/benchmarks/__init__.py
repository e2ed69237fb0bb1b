"""What load generators write of each request, read as recorded runs."""
