"""What self-hosted GPUs cost by the hour, and whose it was.

    prices ─▶ bill ─┐
    samples ─▶ seen ┼─▶ split ─▶ gpu_bills, gpu_allocations
    charges ─▶ work ┘

plan, bill, cards and split are plain functions; observe, work, worklist and write are SQL; run is
the job. Everything can be worked out again: an hour is a function of its inputs.
"""
