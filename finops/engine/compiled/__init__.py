"""The fast way in machine code, by numba: finops.engine.fast_forward says how it works.

Each function does what its namesake in finops.engine does, over tables of numbers; the comments
stand there. Only `run` may be imported where numba is missing.
"""
