"""Budgets: what may be spent in a month, and the one e-mail when it is.

Each minute `watch` asks for the spend of every budget, `evaluate` decides, `claim` writes the
decision down, and `notify` sends what is written down. Only the row that was claimed is ever
sent, so any number of workers sends one e-mail per threshold and period.
"""
