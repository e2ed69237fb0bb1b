"""Decoders of the Llama architecture in PyTorch, on a paged KV cache (needs the extra `engine`)."""
