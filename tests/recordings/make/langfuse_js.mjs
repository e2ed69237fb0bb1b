// npm install @langfuse/openai @langfuse/otel @langfuse/tracing @langfuse/langchain openai
// @langchain/core @langchain/openai and the packages of running.mjs, which says how to run it.

import { CallbackHandler } from '@langfuse/langchain';
import { observeOpenAI } from '@langfuse/openai';
import { LangfuseSpanProcessor } from '@langfuse/otel';
import { propagateAttributes, startActiveObservation, startObservation } from '@langfuse/tracing';
import { ChatOpenAI } from '@langchain/openai';
import OpenAI from 'openai';
import { Recorder, traceEverything } from './running.mjs';

const SINK = process.env.OTEL_EXPORTER_OTLP_ENDPOINT;
const processor = new LangfuseSpanProcessor({
  publicKey: 'pk-lf-test',
  secretKey: 'sk-lf-test',
  baseUrl: SINK,
  environment: 'staging',
});
traceEverything([processor]);
const flush = () => processor.forceFlush();
const packages = ['@langfuse/openai', '@langfuse/otel', '@langfuse/tracing', 'openai'];
const recorder = new Recorder('langfuse', 'js', packages, flush);
const record = (...all) => recorder.record(...all);
const client = observeOpenAI(new OpenAI({ maxRetries: 0, timeout: 2000 }));
const ask = (words, more = {}) =>
  client.chat.completions.create({
    model: 'gpt-4o-mini',
    max_tokens: 200,
    messages: [{ role: 'user', content: `SECRET-PROMPT ${words}` }],
    ...more,
  });
const drain = async (chunks) => {
  for await (const _ of await chunks);
};

await record('chat', 'observeOpenAI, cached prompt, reasoning', () => ask('[[cached]] [[reasoning]]'));
await record('audio', 'observeOpenAI, audio', () => ask('[[audio]] [[cached]]', { model: 'gpt-4o-audio-preview' }));
await record('stream', 'observeOpenAI, streamed with usage, cached prompt', () =>
  drain(ask('[[cached]] [[reasoning]]', { stream: true, stream_options: { include_usage: true } })));
await record('stream-no-usage', 'observeOpenAI, streamed without usage', () =>
  drain(ask('', { stream: true })));
await record('responses', 'observeOpenAI, responses, cached prompt, reasoning', () =>
  client.responses.create({
    model: 'gpt-5-mini',
    input: 'SECRET-PROMPT [[cached]] [[reasoning]] [[tier-flex]]',
    instructions: 'SECRET-PROMPT Be short.',
  }));
await record('embeddings', 'observeOpenAI, an embedding', () =>
  client.embeddings.create({ model: 'text-embedding-3-small', input: 'SECRET-PROMPT' }));
await record('error-429', 'observeOpenAI, refused by the rate limit', () => ask('[[error-429]]'));

await record('manual', 'observations by hand in a trace with a user, exclusive buckets', () =>
  startActiveObservation('handle', async () =>
    propagateAttributes({ userId: 'u-7', sessionId: 's-1', metadata: { tenant: 'acme' } }, async () => {
      const answer = await new OpenAI().chat.completions.create({
        model: 'gpt-4o-mini',
        messages: [{ role: 'user', content: 'SECRET-PROMPT [[cached]] [[reasoning]]' }],
      });
      const { prompt_tokens, completion_tokens, prompt_tokens_details, completion_tokens_details } = answer.usage;
      const cached = prompt_tokens_details.cached_tokens;
      const thought = completion_tokens_details.reasoning_tokens;
      startObservation(
        'answer',
        {
          model: 'gpt-4o-mini',
          input: 'SECRET-PROMPT',
          output: 'SECRET-ANSWER',
          usageDetails: {
            input: prompt_tokens - cached,
            input_cached_tokens: cached,
            output: completion_tokens - thought,
            output_reasoning_tokens: thought,
          },
        },
        { asType: 'generation' },
      ).end();
    })));

const handler = new CallbackHandler();
const chat = new ChatOpenAI({ model: 'gpt-4o-mini', maxRetries: 0, streamUsage: true });
recorder.flavour = 'js-langchain';
const langchain = ['@langfuse/langchain', '@langchain/core', '@langchain/openai'];
await record('openai', 'ChatOpenAI, cached prompt, reasoning', () =>
  chat.invoke('SECRET-PROMPT [[cached]] [[reasoning]]', { callbacks: [handler] }), { packages: langchain });
await record('openai-stream', 'ChatOpenAI, streamed, cached prompt', () =>
  drain(chat.stream('SECRET-PROMPT [[cached]]', { callbacks: [handler] })), { packages: langchain });
await record('error-429', 'ChatOpenAI, refused by the rate limit', () =>
  chat.invoke('SECRET-PROMPT [[error-429]]', { callbacks: [handler] }), { packages: langchain });
