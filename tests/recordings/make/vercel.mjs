// npm install ai @ai-sdk/openai @ai-sdk/anthropic @ai-sdk/google @ai-sdk/openai-compatible zod, of the
// AI SDK's versions 4, 5 and 6 (one folder each) and with @ai-sdk/otel of version 7; Node 22 for 7.
// THROUGH=openinference, langfuse or traceloop sends the spans through @arizeai/openinference-vercel,
// @langfuse/otel or @traceloop/node-server-sdk, which write names of their own beside.

import * as sdk from 'ai';
import { createAnthropic } from '@ai-sdk/anthropic';
import { createGoogleGenerativeAI } from '@ai-sdk/google';
import { createOpenAI } from '@ai-sdk/openai';
import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { z } from 'zod';
import { PROVIDER, Recorder, exporter, traceEverything, versionOf } from './running.mjs';

const VERSION = Number(versionOf('ai').split('.')[0]);
const THROUGH = process.env.THROUGH;
const used = ['ai', '@ai-sdk/openai'];
let provider;
if (THROUGH === 'openinference') {
  const { OpenInferenceBatchSpanProcessor, isOpenInferenceSpan } = await import('@arizeai/openinference-vercel');
  const given = { exporter: exporter(), spanFilter: isOpenInferenceSpan, config: {} };
  provider = traceEverything([new OpenInferenceBatchSpanProcessor(given)]);
  used.push('@arizeai/openinference-vercel');
} else if (THROUGH === 'langfuse') {
  const { LangfuseSpanProcessor } = await import('@langfuse/otel');
  const keys = { publicKey: 'pk', secretKey: 'sk', baseUrl: 'http://127.0.0.1:9' };
  provider = traceEverything([new LangfuseSpanProcessor({ exporter: exporter(), ...keys })]);
  used.push('@langfuse/otel');
} else if (THROUGH === 'traceloop') {
  const traceloop = await import('@traceloop/node-server-sdk');
  traceloop.initialize({
    appName: 'shop',
    baseUrl: process.env.OTEL_EXPORTER_OTLP_ENDPOINT,
    disableBatch: true,
    silenceInitializationMessage: true,
    traceloopSyncEnabled: false,
  });
  provider = { forceFlush: () => traceloop.forceFlush(), shutdown: async () => {} };
  used.push('@traceloop/node-server-sdk');
} else {
  provider = traceEverything(undefined, { json: VERSION === 5 });
}
const options = process.env.OTEL_OPTIONS;
let flavour = THROUGH ? `js-ai${VERSION}` : `ai${VERSION}`;
if (process.env.LANGFUSE_TRACING_ENVIRONMENT) flavour += '-environment';
if (VERSION >= 7) {
  const otel = await import('@ai-sdk/otel');
  const legacy = options === 'legacy';
  if (options) flavour += `-${options}`;
  const all = { usage: true, runtimeContext: true, providerMetadata: true, headers: true };
  const given = options === 'all' ? { ...all, embedding: true, toolChoice: true, schema: true } : {};
  sdk.registerTelemetry(legacy ? new otel.LegacyOpenTelemetry() : new otel.OpenTelemetry(given));
  used.push('@ai-sdk/otel');
}
const recorder = new Recorder(THROUGH ?? 'vercel', flavour, used, () => provider.forceFlush());
const record = (name, scenario, run, more) => recorder.record(name, scenario, run, more);
const openai = createOpenAI({ baseURL: process.env.OPENAI_BASE_URL, ...(VERSION === 4 && { compatibility: 'strict' }) });
const anthropic = createAnthropic({ baseURL: `${process.env.ANTHROPIC_BASE_URL}/v1` });
const google = createGoogleGenerativeAI({ baseURL: `${PROVIDER}/v1beta`, apiKey: 'test' });
const groq = createOpenAICompatible({ name: 'groq', baseURL: `${PROVIDER}/groq/v1`, includeUsage: true });

const ofWhom = { userId: 'u-7', sessionId: 's-1', tenant: 'acme' };
const common = (functionId = 'answer-ticket', more = {}) =>
  VERSION >= 7
    ? { telemetry: { functionId, ...(options === 'all' && { includeRuntimeContext: { userId: true, sessionId: true, tenant: true } }) }, runtimeContext: ofWhom }
    : { experimental_telemetry: { isEnabled: true, functionId, metadata: ofWhom, ...more } };
const limit = VERSION === 4 ? { maxTokens: 200 } : { maxOutputTokens: 200 };
const steps = VERSION === 4 ? { maxSteps: 3 } : { stopWhen: sdk.stepCountIs?.(3) ?? sdk.isStepCount?.(3) };
const model = openai.chat('gpt-4o-mini');
const ask = (words = '', more = {}) => ({
  model,
  ...(VERSION >= 7 ? { instructions: 'SECRET-PROMPT Be short.' } : { system: 'SECRET-PROMPT Be short.' }),
  prompt: `SECRET-PROMPT Why is the sky blue? ${words}`,
  maxRetries: 0,
  ...limit,
  ...common(),
  ...more,
});
async function drain(result) {
  for await (const _ of (await result).fullStream ?? (await result).stream);
}
const get_weather = sdk.tool({
  description: 'SECRET-PROMPT weather',
  [VERSION === 4 ? 'parameters' : 'inputSchema']: z.object({ city: z.string() }),
  execute: async () => 'SECRET-ANSWER 21 degrees',
});
const failing = sdk.tool({
  description: 'SECRET-PROMPT weather',
  [VERSION === 4 ? 'parameters' : 'inputSchema']: z.object({ city: z.string() }),
  execute: async () => {
    throw new Error('SECRET-ANSWER no weather');
  },
});
const sky = { schema: z.object({ colour: z.string() }), schemaName: 'sky' };
const ANSWER = { answer: '{"colour": "SECRET-ANSWER blue"}' };

await record('text', 'generateText, cached prompt, user, session and tenant', () => sdk.generateText(ask('[[cached]]')));
await record('stream', 'streamText, cached prompt', () => drain(sdk.streamText(ask('[[cached]]'))));
await record('responses', 'generateText over the responses API, reasoning, cached prompt, tier', () =>
  sdk.generateText(ask('[[cached]] [[reasoning]] [[tier-flex]]', { model: openai.responses('gpt-5') })));
await record('responses-stream', 'streamText over the responses API, reasoning, cached prompt', () =>
  drain(sdk.streamText(ask('[[cached]] [[reasoning]]', { model: openai.responses('gpt-5-mini') }))));
await record('tools', 'generateText with a tool: two steps', () =>
  sdk.generateText(ask('[[tool]] [[cached]]', { tools: { get_weather }, ...steps })));
await record('stream-tools', 'streamText with a tool: two steps', () =>
  drain(sdk.streamText(ask('[[tool]]', { tools: { get_weather }, ...steps }))));
await record('tool-fails', 'generateText with a tool that fails', () =>
  sdk.generateText(ask('[[tool]]', { tools: { get_weather: failing }, ...steps })));
await record('object', 'generateObject, cached prompt', () => sdk.generateObject(ask('[[cached]]', { ...sky, ...(VERSION === 4 && { mode: 'json' }) })), ANSWER);
await record('object-stream', 'streamObject', () => drain(sdk.streamObject(ask('', { ...sky }))), ANSWER);
await record('object-invalid', 'generateObject, the answer has another form', () => sdk.generateObject(ask('', { ...sky, ...(VERSION === 4 && { mode: 'json' }) })));
if (VERSION > 4)
  await record('output', 'generateText with an output object', () =>
    sdk.generateText(ask('[[cached]]', { [VERSION === 5 ? 'experimental_output' : 'output']: sdk.Output.object(sky) })), ANSWER);
await record('embed', 'embed', () =>
  sdk.embed({ model: openai.textEmbeddingModel('text-embedding-3-small'), value: 'SECRET-PROMPT one', ...common() }));
await record('embed-many', 'embedMany in two requests', () =>
  sdk.embedMany({
    model: Object.defineProperty(openai.textEmbeddingModel('text-embedding-3-small'), 'maxEmbeddingsPerCall', { value: 2 }),
    values: ['SECRET-PROMPT one', 'SECRET-PROMPT two', 'SECRET-PROMPT three'],
    ...common(),
  }));
await record('error-400', 'generateText, a bad request', () => sdk.generateText(ask('[[error-400]]')));
await record('error-429', 'generateText, refused by the rate limit, no retry', () => sdk.generateText(ask('[[error-429]]')));
await record('stream-error', 'streamText, a bad request', () => drain(sdk.streamText(ask('[[error-400]]', { onError() {} }))));
await record('retry', 'generateText, one retry after a 429', () => sdk.generateText(ask('[[retry-429]]', { maxRetries: 2 })));
await record('retries-used-up', 'generateText, three attempts that fail', () => sdk.generateText(ask('[[error-500]]', { maxRetries: 2 })));
await record('stream-retry', 'streamText, one retry after a 500', () => drain(sdk.streamText(ask('[[retry-500]]', { maxRetries: 2 }))));
await record('stream-cut', 'streamText, the stream breaks off', () => drain(sdk.streamText(ask('[[cut]]', { onError() {} }))));
await record('stream-abort', 'streamText, stopped by the user after the first words', async () => {
  const stop = new AbortController();
  const result = sdk.streamText(ask('', { abortSignal: stop.signal, onError() {} }));
  for await (const part of result.fullStream ?? result.stream) if (part.type === 'text-delta') stop.abort();
});
await record('timeout', 'generateText, no answer in time', () =>
  sdk.generateText(ask('[[timeout]]', { abortSignal: AbortSignal.timeout(500) })));
await record('anthropic', 'generateText, Anthropic, cache read and written', () =>
  sdk.generateText(ask('[[cached]] [[write5m]] [[write1h]]', { model: anthropic('claude-sonnet-4-5') })), { packages: ['@ai-sdk/anthropic'] });
await record('anthropic-stream', 'streamText, Anthropic, cache read and written', () =>
  drain(sdk.streamText(ask('[[cached]] [[write5m]]', { model: anthropic('claude-haiku-4-5') }))), { packages: ['@ai-sdk/anthropic'] });
await record('anthropic-tools', 'generateText, Anthropic, a tool: two steps, cached prompt', () =>
  sdk.generateText(ask('[[tool]] [[cached]]', { model: anthropic('claude-sonnet-4-5'), tools: { get_weather }, ...steps })), { packages: ['@ai-sdk/anthropic'] });
await record('google', 'generateText, Gemini, cached prompt, thoughts', () =>
  sdk.generateText(ask('[[cached]] [[reasoning]]', { model: google('gemini-2.5-flash') })), { packages: ['@ai-sdk/google'] });
await record('google-stream', 'streamText, Gemini, cached prompt, thoughts', () =>
  drain(sdk.streamText(ask('[[cached]] [[reasoning]]', { model: google('gemini-2.5-flash') }))), { packages: ['@ai-sdk/google'] });
await record('compatible', 'streamText, an OpenAI-compatible provider', () =>
  drain(sdk.streamText(ask('[[cached]] [[reasoning]]', { model: groq('llama-3.3-70b-versatile') }))), { packages: ['@ai-sdk/openai-compatible'] });
await record('no-content', 'generateText, inputs and outputs are not recorded', () =>
  sdk.generateText(ask('', common('answer-ticket', { recordInputs: false, recordOutputs: false }))));
const Agent = sdk.ToolLoopAgent ?? sdk.Experimental_Agent;
if (Agent)
  await record('agent', 'an agent with a tool: two steps, streamed', async () => {
    const agent = new Agent({ model, tools: { get_weather }, ...limit, ...steps, ...common('weather-agent') });
    await drain(agent.stream({ prompt: 'SECRET-PROMPT [[tool]]' }));
  });
const bedrock = await import('@ai-sdk/amazon-bedrock').catch(() => undefined);
if (bedrock) {
  const amazon = bedrock.createAmazonBedrock({ region: 'us-east-1', apiKey: 'k', baseURL: PROVIDER });
  const claude = amazon('anthropic.claude-sonnet-4-5-20250929-v1:0');
  const packages = { packages: ['@ai-sdk/amazon-bedrock'] };
  await record('bedrock', 'generateText, Bedrock, cache read and written', () =>
    sdk.generateText(ask('[[cached]] [[write5m]]', { model: claude })), packages);
  await record('bedrock-stream', 'streamText, Bedrock, cache read and written', () =>
    drain(sdk.streamText(ask('[[cached]] [[write5m]]', { model: claude }))), packages);
}
await provider.shutdown();
