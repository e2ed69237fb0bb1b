// Frameworks of JavaScript, one folder each: FRAMEWORK=agents for npm install @openai/agents openai zod
// @arizeai/openinference-instrumentation-openai-agents, genkit for genkit @genkit-ai/google-genai
// @genkit-ai/compat-oai, mastra for @mastra/core @mastra/observability @mastra/otel-exporter
// @ai-sdk/openai zod.

import { PROVIDER, Recorder, traceEverything } from './running.mjs';
import { z } from 'zod';

const FRAMEWORK = process.env.FRAMEWORK;
process.on('unhandledRejection', (error) => console.log(`  later: ${error?.message}`));
let provider = traceEverything();

async function agents() {
  const { Agent, run, tool } = await import('@openai/agents');
  const name = '@arizeai/openinference-instrumentation-openai-agents';
  const oi = await import(name);
  const sdk = await import('@openai/agents');
  const instrumentation = new oi.OpenAIAgentsInstrumentation({ tracerProvider: provider });
  instrumentation.manuallyInstrument?.(sdk);
  const used = ['@openai/agents', name];
  const { record } = recorderOf('openinference', 'js-agents', used);
  const get_weather = tool({
    name: 'get_weather',
    description: 'SECRET-PROMPT weather',
    parameters: z.object({ city: z.string() }),
    execute: async () => 'SECRET-ANSWER 21 degrees',
  });
  const agent = new Agent({
    name: 'triage',
    instructions: 'SECRET-PROMPT Be short.',
    model: 'gpt-5-mini',
    tools: [get_weather],
  });
  await record('run', 'an agent, cached prompt, reasoning', () => run(agent, 'SECRET-PROMPT [[cached]] [[reasoning]]'));
  await record('tools', 'an agent with a tool: two calls', () => run(agent, 'SECRET-PROMPT [[tool]] [[cached]]'));
  await record('stream', 'an agent, streamed', async () => {
    const result = await run(agent, 'SECRET-PROMPT [[cached]]', { stream: true });
    for await (const _ of result);
    await result.completed;
  });
  await record('error-400', 'an agent, a bad request', () => run(agent, 'SECRET-PROMPT [[error-400]]'));
}

async function genkit() {
  const { genkit: make, z } = await import('genkit');
  const { googleAI } = await import('@genkit-ai/google-genai');
  const { openAI } = await import('@genkit-ai/compat-oai/openai');
  const ai = make({
    plugins: [googleAI({ apiKey: 'k', baseUrl: PROVIDER }), openAI({ apiKey: 'k', baseURL: process.env.OPENAI_BASE_URL })],
  });
  const { record } = recorderOf('gen_ai', 'genkit', ['genkit', '@genkit-ai/google-genai', '@genkit-ai/compat-oai']);
  await record('google', 'generate, Gemini, cached prompt, thoughts', () =>
    ai.generate({ model: googleAI.model('gemini-2.5-flash'), prompt: 'SECRET-PROMPT [[cached]] [[reasoning]]' }));
  await record('openai', 'generate, OpenAI, cached prompt', () =>
    ai.generate({ model: openAI.model('gpt-4o-mini'), prompt: 'SECRET-PROMPT [[cached]]' }));
  await record('stream', 'generateStream, Gemini, cached prompt, thoughts', async () => {
    const model = googleAI.model('gemini-2.5-flash');
    const result = ai.generateStream({ model, prompt: 'SECRET-PROMPT [[cached]] [[reasoning]]' });
    for await (const _ of result.stream);
    await result.response;
  });
  await record('error-400', 'generate, a bad request', () =>
    ai.generate({ model: openAI.model('gpt-4o-mini'), prompt: 'SECRET-PROMPT [[error-400]]' }));
  const get_weather = ai.defineTool(
    { name: 'get_weather', description: 'SECRET-PROMPT weather', inputSchema: z.object({ city: z.string() }), outputSchema: z.string() },
    async () => 'SECRET-ANSWER 21 degrees',
  );
  await record('tools', 'generate with a tool: two calls', () =>
    ai.generate({ model: openAI.model('gpt-4o-mini'), prompt: 'SECRET-PROMPT [[tool]]', tools: [get_weather] }));
}

async function mastra() {
  const { Mastra } = await import('@mastra/core');
  const { Agent } = await import('@mastra/core/agent');
  const { Observability } = await import('@mastra/observability');
  const { OtelExporter } = await import('@mastra/otel-exporter');
  const { createTool } = await import('@mastra/core/tools');
  const { createOpenAI } = await import('@ai-sdk/openai');
  const openai = createOpenAI({ baseURL: process.env.OPENAI_BASE_URL });
  const endpoint = `${process.env.OTEL_EXPORTER_OTLP_ENDPOINT}/v1/traces`;
  const otel = new OtelExporter({ provider: { custom: { endpoint, protocol: 'http/protobuf' } } });
  const observability = new Observability({ configs: { otel: { serviceName: 'shop', exporters: [otel] } } });
  const getWeather = createTool({
    id: 'get_weather',
    description: 'SECRET-PROMPT weather',
    inputSchema: z.object({ city: z.string() }),
    execute: async () => ({ text: 'SECRET-ANSWER 21 degrees' }),
  });
  const agent = new Agent({
    id: 'triage',
    name: 'triage',
    instructions: 'SECRET-PROMPT Be short.',
    model: openai.chat('gpt-4o-mini'),
    tools: { get_weather: getWeather },
  });
  const app = new Mastra({ agents: { triage: agent }, observability });
  provider = { forceFlush: () => app.observability?.flush?.() ?? otel.flush?.(), shutdown: async () => {} };
  const { record } = recorderOf('gen_ai', 'mastra', ['@mastra/core', '@mastra/otel-exporter', '@ai-sdk/openai']);
  const wait = () => new Promise((done) => setTimeout(done, 6500));
  const triage = app.getAgent('triage');
  await record('generate', 'an agent, cached prompt', async () => {
    await triage.generate('SECRET-PROMPT [[cached]]', { tracingOptions: { metadata: { userId: 'u-7', sessionId: 's-1', tenant: 'acme' } } });
    await wait();
  });
  await record('tools', 'an agent with a tool: two calls', async () => {
    await triage.generate('SECRET-PROMPT [[tool]]');
    await wait();
  });
  await record('stream', 'an agent, streamed', async () => {
    const result = await triage.stream('SECRET-PROMPT [[cached]]');
    for await (const _ of result.textStream);
    await wait();
  });
}

function recorderOf(dialect, flavour, packages) {
  const recorder = new Recorder(dialect, flavour, packages, () => provider.forceFlush());
  return { record: (name, scenario, run, more) => recorder.record(name, scenario, run, more) };
}

await { agents, genkit, mastra }[FRAMEWORK]();
process.exit(0);
