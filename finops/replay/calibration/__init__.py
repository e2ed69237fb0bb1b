"""From what a user has measured to the engine's points and runs, and to a table that shows the fit.

Points come from a CSV file, from the results of a benchmark, or from calls that the platform has
captured; finops.engine.fit_profile does the rest.
"""
