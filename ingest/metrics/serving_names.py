"""Which metrics of inference servers are which measure of serving_samples.

Sources: vLLM's loggers of the first and of the newest V1 releases, SGLang's metrics collector, Text
Generation Inference, Triton with TensorRT-LLM, trtllm-serve, llama.cpp, NVIDIA Dynamo's frontend,
and OpenTelemetry's gen_ai.server.*. Durations are in seconds, shares from 0 to 1.

Some versions send one measure under two names, the older one for old dashboards. Both are stored;
the question (finops/queries/serving.py) counts one of them.
"""

from __future__ import annotations

from collections.abc import Iterator

from ingest.metrics.names import Kind, Measure, Part, spell

KINDS: dict[str, Kind] = {
    "running": "gauge",
    "waiting": "gauge",
    "kv_cache_usage": "gauge",
    "prefix_cache_queries": "counter",
    "prefix_cache_hits": "counter",
    "prompt_tokens": "counter",
    "generation_tokens": "counter",
    "preemptions": "counter",
    "requests": "counter",
    "ttft_s": "histogram",
    "itl_s": "histogram",
    "e2e_s": "histogram",
    "queue_s": "histogram",
    "inference_s": "histogram",
    "prefill_s": "histogram",
    "decode_s": "histogram",
    "request_prompt_tokens": "histogram",
    "request_generation_tokens": "histogram",
    "iteration_tokens": "histogram",
}


def names(system: str, prefix: str, **measures: str) -> tuple[Measure, ...]:
    """Make the measures of one system; several names of one measure are separated by spaces."""
    return tuple(
        Measure(prefix + name, system, measure, KINDS[measure])
        for measure, listed in measures.items()
        for name in listed.split()
    )


VLLM = names(
    "vllm",
    "vllm:",
    running="num_requests_running",
    waiting="num_requests_waiting",
    kv_cache_usage="kv_cache_usage_perc gpu_cache_usage_perc",
    prefix_cache_queries="prefix_cache_queries gpu_prefix_cache_queries",
    prefix_cache_hits="prefix_cache_hits gpu_prefix_cache_hits",
    prompt_tokens="prompt_tokens_total",
    generation_tokens="generation_tokens_total",
    preemptions="num_preemptions_total",
    requests="request_success_total",
    ttft_s="time_to_first_token_seconds",
    itl_s="inter_token_latency_seconds time_per_output_token_seconds",
    e2e_s="e2e_request_latency_seconds",
    queue_s="request_queue_time_seconds",
    inference_s="request_inference_time_seconds",
    prefill_s="request_prefill_time_seconds",
    decode_s="request_decode_time_seconds",
    request_prompt_tokens="request_prompt_tokens",
    request_generation_tokens="request_generation_tokens",
    iteration_tokens="iteration_tokens_total",
)

SGLANG = names(
    "sglang",
    "sglang:",
    running="num_running_reqs",
    waiting="num_queue_reqs",
    kv_cache_usage="token_usage",
    prefix_cache_hits="cached_tokens_total",
    prompt_tokens="prompt_tokens_total",
    generation_tokens="generation_tokens_total",
    requests="num_requests_total",
    ttft_s="time_to_first_token_seconds",
    itl_s="inter_token_latency_seconds time_per_output_token_seconds",
    e2e_s="e2e_request_latency_seconds",
    queue_s="queue_time_seconds",
)

TGI = names(
    "tgi",
    "tgi_",
    running="batch_current_size",
    waiting="queue_size",
    requests="request_success",
    e2e_s="request_duration",
    queue_s="request_queue_duration",
    inference_s="request_inference_duration",
    itl_s="request_mean_time_per_token_duration",
    request_prompt_tokens="request_input_length",
    request_generation_tokens="request_generated_tokens",
)

TENSORRT_LLM = (
    *names(
        "tensorrt_llm",
        "trtllm_",
        running="num_requests_running",
        waiting="num_requests_waiting",
        kv_cache_usage="kv_cache_utilization",
        prompt_tokens="prompt_tokens_total",
        generation_tokens="generation_tokens_total",
        requests="request_success_total",
        ttft_s="time_to_first_token_seconds",
        itl_s="time_per_output_token_seconds",
        e2e_s="e2e_request_latency_seconds",
        queue_s="request_queue_time_seconds",
        prefill_s="request_prefill_time_seconds",
        decode_s="request_decode_time_seconds",
    ),
    *(
        Measure(name, "tensorrt_llm", measure, "gauge", where={label: (value,)})
        for name, label, value, measure in (
            ("nv_trt_llm_request_metrics", "request_type", "scheduled", "running"),
            ("nv_trt_llm_request_metrics", "request_type", "waiting", "waiting"),
            (
                "nv_trt_llm_kv_cache_block_metrics",
                "kv_cache_block_type",
                "fraction",
                "kv_cache_usage",
            ),
        )
    ),
)

LLAMA_CPP = names(
    "llama_cpp",
    "llamacpp:",
    running="requests_processing",
    waiting="requests_deferred",
    kv_cache_usage="kv_cache_usage_ratio",
    prompt_tokens="prompt_tokens_total",
    generation_tokens="tokens_predicted_total",
)

DYNAMO = names(
    "dynamo",
    "dynamo_frontend_",
    running="inflight_requests",
    waiting="queued_requests",
    requests="requests_total",
    ttft_s="time_to_first_token_seconds",
    itl_s="inter_token_latency_seconds",
    e2e_s="request_duration_seconds",
    request_prompt_tokens="input_sequence_tokens",
    request_generation_tokens="output_sequence_tokens",
)

OPENTELEMETRY = names(
    "gen_ai",
    "gen_ai.server.",
    ttft_s="time_to_first_token",
    itl_s="time_per_output_token",
    e2e_s="request.duration",
)

SENT_WHOLE = (*VLLM, *SGLANG, *TGI, *TENSORRT_LLM, *LLAMA_CPP, *DYNAMO, *OPENTELEMETRY)
PARTS: tuple[Part, ...] = ("bucket", "sum", "count")


def with_parts(measures: tuple[Measure, ...]) -> Iterator[Measure]:
    """Yield the measures, and the three counters that a histogram may arrive as."""
    for whole in measures:
        yield whole
        if whole.kind == "histogram":
            for part in PARTS:
                # Counters that Prometheus derives keep the base name whole, _total included.
                name = f"{whole.name}_{part}"
                yield Measure(name, whole.system, whole.measure, whole.kind, part=part)


MEASURES = tuple(with_parts(SENT_WHOLE))
NAMES = frozenset(spell(measure.name) for measure in MEASURES)

# What says which server and which of its models and engines a point is about.
MODEL = ("model_name", "model", "gen_ai.response.model", "gen_ai.request.model", "model_id")
ENGINE = ("engine", "dp_rank", "engine_index", "version")
REASON = ("finished_reason", "finish_reason", "status")
INSTANCE = ("instance", "exported_instance")
INSTANCE_OF_RESOURCE = ("service.instance.id", "k8s.pod.name", "host.name", "service.name")
# Ranks of tensor and pipeline parallelism serve the same requests: the first speaks for all.
RANKS = ("tp_rank", "pp_rank")
