"""What in the demo is recorded and what is drawn, in the words that the page shows."""

from __future__ import annotations

NOTICE = (
    "Recorded: the order of arrival and the token counts of every request, from the Azure LLM "
    "inference trace 2023 (Microsoft, CC BY 4.0) and from requests generated with ServeGen out of "
    "the measured statistics of 17 production clients (Alibaba Cloud, Apache-2.0), whose 12 "
    "minutes are stretched to the hour. Drawn by a seeded rule, since no public trace has them: "
    "tenants, features, users, models, actions, caching, reasoning, durations, errors, retries, "
    "fallbacks and repetitions. Names are made up; prices are the providers' list prices."
)
