// What the scripts of JavaScript packages share. Node looks for packages beside a script: copy it and
// this file into the folder that has the node_modules to record, and run the copy.

import { readFileSync } from 'node:fs';
import { trace, context } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { OTLPTraceExporter as OverJson } from '@opentelemetry/exporter-trace-otlp-http';
import { OTLPTraceExporter as OverProtobuf } from '@opentelemetry/exporter-trace-otlp-proto';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { BatchSpanProcessor, NodeTracerProvider } from '@opentelemetry/sdk-trace-node';

export const PROVIDER = process.env.PROVIDER_URL;

export async function tell(told) {
  await fetch(process.env.RECORDING_URL, { method: 'POST', body: JSON.stringify(told) });
}

export const exporter = (json = false) => (json ? new OverJson() : new OverProtobuf());

/** Make a tracer provider that exports to the sink, and set it. */
export function traceEverything(processors, { json = false, set = true } = {}) {
  const provider = new NodeTracerProvider({
    resource: resourceFromAttributes({ 'service.name': 'shop' }),
    spanProcessors: processors ?? [new BatchSpanProcessor(exporter(json))],
  });
  if (set) {
    context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
    trace.setGlobalTracerProvider(provider);
  }
  return provider;
}

export function versionOf(name) {
  const path = new URL(`node_modules/${name}/package.json`, import.meta.url);
  return JSON.parse(readFileSync(path)).version;
}

/** Writes the recordings of one flavour of a dialect. */
export class Recorder {
  constructor(dialect, flavour, packages, flush) {
    this.dialect = dialect;
    this.flavour = flavour;
    this.packages = Object.fromEntries(packages.map((name) => [name, versionOf(name)]));
    this.flush = flush;
    this.only = process.env.ONLY?.split(',');
  }

  /** Run the function as one scenario; what it throws is part of it. */
  async record(name, scenario, run, { plan = [], answer = '', packages = [], ...more } = {}) {
    if (this.only && !this.only.includes(name)) return;
    await this.flush();
    await tell({ name: '', keep: false });
    await tell({ plan, answer });
    try {
      await run();
    } catch (error) {
      console.log(`  ${name}: ${error?.name}: ${String(error?.message).slice(0, 160)}`);
    }
    await new Promise((done) => setTimeout(done, 60));
    await this.flush();
    const versions = Object.fromEntries(packages.map((each) => [each, versionOf(each)]));
    await tell({
      dialect: this.dialect,
      name: `${this.flavour}-${name}`,
      scenario,
      packages: { ...this.packages, ...versions },
      ...more,
    });
  }
}
