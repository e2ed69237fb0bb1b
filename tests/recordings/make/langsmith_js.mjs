// npm install langsmith openai @langchain/core @langchain/openai and the packages of running.mjs,
// which says how to run it.

import { initializeOTEL } from 'langsmith/experimental/otel/setup';
import { Client } from 'langsmith';
import { traceable } from 'langsmith/traceable';
import { wrapOpenAI } from 'langsmith/wrappers';
import { ChatOpenAI } from '@langchain/openai';
import OpenAI from 'openai';
import { Recorder, traceEverything } from './running.mjs';

Object.assign(process.env, {
  LANGSMITH_TRACING: 'true',
  LANGSMITH_OTEL_ENABLED: 'true',
  LANGSMITH_API_KEY: 'lsv2_pt_test',
  LANGSMITH_ENDPOINT: process.env.OTEL_EXPORTER_OTLP_ENDPOINT,
  LANGSMITH_PROJECT: 'shop-project',
  LANGCHAIN_CALLBACKS_BACKGROUND: 'false',
});
const provider = traceEverything();
initializeOTEL({ globalTracerProvider: provider, skipGlobalContextManagerSetup: true });
const client = new Client();
const flush = async () => {
  await client.awaitPendingTraceBatches();
  await new Promise((done) => setTimeout(done, 1500));
  await provider.forceFlush();
};
const recorder = new Recorder('langsmith', 'js', ['langsmith', 'openai'], flush);
const record = (...all) => recorder.record(...all);
const gpt = wrapOpenAI(new OpenAI({ maxRetries: 0, timeout: 2000 }), { client });
const ask = (words, more = {}) =>
  gpt.chat.completions.create({
    model: 'gpt-4o-mini',
    max_tokens: 200,
    messages: [{ role: 'user', content: `SECRET-PROMPT ${words}` }],
    ...more,
  });
const drain = async (chunks) => {
  for await (const _ of await chunks);
};

await record('chat', 'wrapOpenAI, cached prompt, reasoning, tier', () => ask('[[cached]] [[reasoning]] [[tier-flex]]'));
await record('stream', 'wrapOpenAI, streamed with usage, cached prompt', () =>
  drain(ask('[[cached]]', { stream: true, stream_options: { include_usage: true } })));
await record('responses', 'wrapOpenAI, responses, cached prompt, reasoning', () =>
  gpt.responses.create({ model: 'gpt-5-mini', input: 'SECRET-PROMPT [[cached]] [[reasoning]]' }));
await record('error-429', 'wrapOpenAI, refused by the rate limit', () => ask('[[error-429]]'));
const answer = traceable(
  async (question) => {
    await traceable(async () => 'SECRET-ANSWER', { name: 'look-up', run_type: 'retriever', client })();
    return ask(`${question} [[cached]]`);
  },
  { name: 'answer', client, metadata: { tenant: 'acme', session_id: 's-1', user_id: 'u-7' } },
);
await record('traceable', 'a traceable chain of a retriever and a call', () => answer('SECRET-PROMPT'));
const langchain = ['@langchain/core', '@langchain/openai'];
const chat = new ChatOpenAI({ model: 'gpt-4o-mini', maxRetries: 0 });
recorder.flavour = 'js-langchain';
await record('openai', 'ChatOpenAI, cached prompt, reasoning', () =>
  chat.invoke('SECRET-PROMPT [[cached]] [[reasoning]]'), { packages: langchain });
