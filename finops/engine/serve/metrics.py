"""GET /metrics under vLLM's names, so that its dashboards and our collector read this server, too.

Names, labels and buckets are those of vLLM's V1 engine (vllm/v1/metrics/loggers.py); prompt tokens
are counted when the first token comes, prefix cache queries and hits at admission, in tokens.
`inter_token_latency_seconds` and its older name `time_per_output_token_seconds` are both told.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from finops.engine.batching import BatchScheduler
from finops.engine.scheduler import Scheduler, Step
from finops.engine.serve.serving import End, Serving

CONTENT_TYPE = CONTENT_TYPE_LATEST.encode()
LABELS = ("model_name", "engine")
ENGINE = "0"
FIRST_TOKEN_S = (
    0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0,
    20.0, 40.0, 80.0, 160.0, 640.0, 2560.0,
)  # fmt: skip
BETWEEN_TOKENS_S = (
    0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0, 20.0,
    40.0, 80.0,
)  # fmt: skip
REQUEST_S = (
    0.3, 0.5, 0.8, 1.0, 1.5, 2.0, 2.5, 5.0, 10.0, 15.0, 20.0, 30.0, 40.0, 50.0, 60.0, 120.0, 240.0,
    480.0, 960.0, 1920.0, 7680.0,
)  # fmt: skip
STEP_TOKENS = (1, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384)
FINISHED: dict[End, str] = {
    "stop": "stop",
    "length": "length",
    "cancelled": "abort",
    "timeout": "abort",
    "error": "error",
    "oom": "error",
}


def one_two_five(highest: int) -> list[int]:
    """1, 2, 5, 10 … up to `highest`, as vLLM's histograms of lengths have them."""
    return [
        step
        for exponent in range(len(str(highest)))
        for digit in (1, 2, 5)
        if (step := digit * 10**exponent) <= highest
    ]


def seconds(duration_ps: int) -> float:
    return duration_ps * 1e-12


class VllmMetrics:
    """Counts what a live engine does; each server has its own registry."""

    def __init__(self, model: str, max_model_len: int) -> None:
        self.registry = CollectorRegistry()
        self.model = model
        lengths = one_two_five(max_model_len)
        self.running = self._gauge("num_requests_running", "Requests in execution batches")
        self.waiting = self._gauge("num_requests_waiting", "Requests that wait to be processed")
        self.kv_usage = self._gauge("kv_cache_usage_perc", "KV cache usage; 1 means 100 percent")
        self.queries = self._counter("prefix_cache_queries", "Prefix cache queries, in tokens")
        self.hits = self._counter("prefix_cache_hits", "Prefix cache hits, in tokens")
        self.preemptions = self._counter("num_preemptions", "Preemptions of requests")
        self.prompt_tokens = self._counter("prompt_tokens", "Prefill tokens processed")
        self.generation_tokens = self._counter("generation_tokens", "Generation tokens processed")
        self.finished = Counter(
            "vllm:request_success",
            "Requests that are over",
            (*LABELS, "finished_reason"),
            registry=self.registry,
        )
        for reason in sorted(set(FINISHED.values())):
            self.finished.labels(model, ENGINE, reason)
        self.step_tokens = self._histogram("iteration_tokens_total", "Tokens a step", STEP_TOKENS)
        self.request_prompt = self._histogram("request_prompt_tokens", "Prefill tokens", lengths)
        self.request_generated = self._histogram(
            "request_generation_tokens", "Generation tokens", lengths
        )
        self.ttft = self._seconds("time_to_first_token", FIRST_TOKEN_S)
        self.between = self._seconds("inter_token_latency", BETWEEN_TOKENS_S)
        self.per_token = self._seconds("time_per_output_token", BETWEEN_TOKENS_S)
        self.e2e = self._seconds("e2e_request_latency", REQUEST_S)
        self.queue = self._seconds("request_queue_time", REQUEST_S)
        self.inference = self._seconds("request_inference_time", REQUEST_S)
        self.prefill = self._seconds("request_prefill_time", REQUEST_S)
        self.decode = self._seconds("request_decode_time", REQUEST_S)

    def follow(self, scheduler: Scheduler | BatchScheduler, waiting: Callable[[], int]) -> None:
        """Read the gauges from these at each scrape."""
        pool = scheduler.pool
        self.running.set_function(lambda: len(scheduler.running))
        self.waiting.set_function(waiting)
        self.kv_usage.set_function(lambda: 1.0 - pool.available / pool.total)

    def stepped(self, step: Step, begin: int, end: int, emitted: list[Serving]) -> None:
        """Count a step; see serving.Watch."""
        tokens = sum(count for _, count in step.work)
        self.step_tokens.observe(tokens)
        self.preemptions.inc(len(step.preempted))
        self.generation_tokens.inc(len(emitted))
        for seq, _ in step.work:
            if seq.scheduled == begin:
                self.queries.inc(seq.prompt)
                self.hits.inc(seq.cached)
        for serving in emitted:
            if serving.last < 0:
                self.prompt_tokens.inc(serving.seq.prompt)
                self.ttft.observe(seconds(end - serving.seq.arrival))
            else:
                self.between.observe(seconds(end - serving.last))
                self.per_token.observe(seconds(end - serving.last))

    def ended(self, serving: Serving) -> None:
        """Count a request that is over; see serving.Watch."""
        seq = serving.seq
        if serving.end is not None:
            self.finished.labels(self.model, ENGINE, FINISHED[serving.end]).inc()
        self.e2e.observe(seconds(serving.finish - seq.arrival))
        self.request_prompt.observe(seq.prompt)
        self.request_generated.observe(seq.generated)
        started = seq.scheduled if seq.scheduled >= 0 else serving.finish
        first = seq.first if seq.first >= 0 else serving.finish
        self.queue.observe(seconds(started - seq.arrival))
        self.inference.observe(seconds(serving.finish - started))
        self.prefill.observe(seconds(first - started))
        self.decode.observe(seconds(serving.finish - first))

    def expose(self) -> bytes:
        """Everything, as Prometheus's text."""
        return generate_latest(self.registry)

    def _gauge(self, name: str, text: str) -> Gauge:
        return Gauge(f"vllm:{name}", text, LABELS, registry=self.registry).labels(
            self.model, ENGINE
        )

    def _counter(self, name: str, text: str) -> Counter:
        return Counter(f"vllm:{name}", text, LABELS, registry=self.registry).labels(
            self.model, ENGINE
        )

    def _histogram(self, name: str, text: str, buckets: Iterable[float]) -> Histogram:
        return Histogram(
            f"vllm:{name}", text, LABELS, registry=self.registry, buckets=tuple(buckets)
        ).labels(self.model, ENGINE)

    def _seconds(self, name: str, buckets: Iterable[float]) -> Histogram:
        text = name.replace("_", " ").capitalize()
        return self._histogram(f"{name}_seconds", f"{text} in seconds", buckets)
