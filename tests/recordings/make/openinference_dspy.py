"""pip install dspy openinference-instrumentation-dspy, versions in the recordings."""

from __future__ import annotations

import dspy
from openinference.instrumentation.dspy import DSPyInstrumentor
from running import PROVIDER, Recorder, tell, trace_everything

provider = trace_everything()
DSPyInstrumentor().instrument(tracer_provider=provider)
record = Recorder("openinference", "dspy", ["openinference-instrumentation-dspy", "dspy"])
lm = dspy.LM("openai/gpt-4o-mini", api_base=f"{PROVIDER}/v1", num_retries=0)
dspy.configure(lm=lm)
dspy.configure_cache(enable_disk_cache=False, enable_memory_cache=True)
SAID = "[[ ## answer ## ]]\nSECRET-ANSWER It is blue.\n\n[[ ## completed ## ]]"

with record.recorded("predict", "a Predict module, cached prompt", answer=SAID):
    dspy.Predict("question -> answer")(question="SECRET-PROMPT Why? [[cached]]")
with record.recorded("cache-hit", "the same question again, answered from DSPy's cache"):
    tell({"answer": SAID})
    module = dspy.Predict("question -> answer")
    module(question="SECRET-PROMPT Once? [[cached]]")
    module(question="SECRET-PROMPT Once? [[cached]]")
with record.recorded("error-429", "a Predict module, refused by the rate limit"):
    dspy.Predict("question -> answer")(question="SECRET-PROMPT Why? [[error-429]]")
