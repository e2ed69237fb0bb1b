"""What leaves the ledger for finance: the FOCUS export and the statements of tenants.

ledger lines (finops.queries) -> FOCUS rows (token_rows, gpu_rows) -> a version's columns -> file
a month's sums (finops.queries) -> statements (statement) -> HTML, CSV, JSON
"""
