// npm install openai, and @arizeai/openinference-instrumentation-openai, @langfuse/openai with
// @langfuse/otel, or @traceloop/node-server-sdk: THROUGH says which.

import { Recorder, exporter, traceEverything } from './running.mjs';
import OpenAI from 'openai';

// An instrumentation may read a stream a second time, and nobody waits for that.
process.on('unhandledRejection', () => {});
process.on('uncaughtException', () => {});
const THROUGH = process.env.THROUGH;
const used = ['openai'];
let provider;
let client = new OpenAI({ maxRetries: 0, timeout: 2000 });
let Client = OpenAI;
if (THROUGH === 'openinference') {
  const { OpenAIInstrumentation } = await import('@arizeai/openinference-instrumentation-openai');
  provider = traceEverything();
  const instrumentation = new OpenAIInstrumentation({ tracerProvider: provider });
  instrumentation.manuallyInstrument(OpenAI);
  used.push('@arizeai/openinference-instrumentation-openai');
} else if (THROUGH === 'langfuse') {
  const { LangfuseSpanProcessor } = await import('@langfuse/otel');
  const { observeOpenAI } = await import('@langfuse/openai');
  const keys = { publicKey: 'pk', secretKey: 'sk', baseUrl: 'http://127.0.0.1:9' };
  provider = traceEverything([new LangfuseSpanProcessor({ exporter: exporter(), ...keys })]);
  const of = { userId: 'u-7', sessionId: 's-1', generationMetadata: { tenant: 'acme' } };
  client = observeOpenAI(client, of);
  used.push('@langfuse/openai', '@langfuse/otel');
} else {
  const traceloop = await import('@traceloop/node-server-sdk');
  traceloop.initialize({
    appName: 'shop',
    baseUrl: process.env.OTEL_EXPORTER_OTLP_ENDPOINT,
    disableBatch: true,
    silenceInitializationMessage: true,
    traceloopSyncEnabled: false,
    instrumentModules: { openAI: OpenAI },
  });
  provider = { forceFlush: () => traceloop.forceFlush(), shutdown: async () => {} };
  used.push('@traceloop/node-server-sdk');
}
const recorder = new Recorder(THROUGH, 'js-openai', used, () => provider.forceFlush());
const record = (name, scenario, run, more) => recorder.record(name, scenario, run, more);
const ask = (words = '', more = {}) =>
  client.chat.completions.create({
    model: 'gpt-4o-mini',
    max_tokens: 200,
    messages: [
      { role: 'system', content: 'SECRET-PROMPT Be short.' },
      { role: 'user', content: `SECRET-PROMPT Why is the sky blue? ${words}` },
    ],
    ...more,
  });
async function drain(result) {
  for await (const _ of await result);
}
const WITH_USAGE = { stream: true, stream_options: { include_usage: true } };
const tools = [
  {
    type: 'function',
    function: { name: 'get_weather', parameters: { type: 'object', properties: { city: { type: 'string' } } } },
  },
];

await record('chat', 'chat, cached prompt', () => ask('[[cached]]'));
await record('reasoning-tier', 'chat, cached prompt, reasoning, tier of the answer', () =>
  ask('[[cached]] [[reasoning]] [[tier-flex]]', { model: 'gpt-5', max_tokens: undefined, service_tier: 'auto' }));
await record('stream', 'chat, streamed with usage, cached prompt', () => drain(ask('[[cached]]', WITH_USAGE)));
await record('stream-no-usage', 'chat, streamed without usage', () => drain(ask('', { stream: true })));
await record('tool', 'chat, a tool call', () => ask('[[tool]]', { tools }));
await record('error-429', 'chat, refused by the rate limit', () => ask('[[error-429]]'));
await record('stream-cut', 'chat, the stream breaks off', () => drain(ask('[[cut]]', WITH_USAGE)));
await record('responses', 'responses, cached prompt, reasoning', () =>
  client.responses.create({ model: 'gpt-5-mini', input: 'SECRET-PROMPT Why? [[cached]] [[reasoning]]' }));
await record('responses-stream', 'responses, streamed, cached prompt, reasoning', async () =>
  drain(client.responses.create({ model: 'gpt-5-mini', input: 'SECRET-PROMPT Why? [[cached]] [[reasoning]]', stream: true })));
await record('embeddings', 'embeddings of two texts', () =>
  client.embeddings.create({ model: 'text-embedding-3-small', input: ['SECRET-PROMPT one', 'SECRET-PROMPT two'] }));
await provider.shutdown();
