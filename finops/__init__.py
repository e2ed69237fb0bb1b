"""The Django project and the domain of Inferledger."""
