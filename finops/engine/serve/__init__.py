"""The engine as a server that speaks OpenAI's API.

A request goes: body.py (bounded) → openai_requests.py (checked) → chat.py, tokens.py (token ids) →
live.py (the scheduler and an executor, in real time, on a thread of their own) → text_stream.py
(text, stop sequences) → openai_answers.py, sse.py. metrics.py counts under vLLM's names, ledger.py
records each attempt by the SDK. Here alone a clock is read; it is passed in (clock.py).
"""
