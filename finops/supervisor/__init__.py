"""Runs the product's processes on one machine: start, watch, start again, stop."""
