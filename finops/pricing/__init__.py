"""The rate catalogue, workspace overrides and GPU pools."""
