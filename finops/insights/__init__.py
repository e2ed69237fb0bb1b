"""Forecasts, anomalies and drivers of change."""
