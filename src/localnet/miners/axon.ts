import { randomUUID } from "node:crypto";
import { bodyHash, DENDRITE_VERSION, type MinerPrompt, SYNAPSE_NAME } from "../../miners/synapse-request.ts";
import type { Behaviour } from "./reaction.ts";
import { type Caller, CallerCheck, readCaller } from "./verify.ts";

export interface AxonOptions {
  /** The miner's own hotkey: what callers must have signed for. */
  hotkey: string;
  host: string;
  /** 0 = any free port. */
  port: number;
  behave: Behaviour;
  /** Why a caller is not welcome, undefined when it is. The default welcomes all whose signature is right. */
  refuseCaller?: ((hotkey: string) => string | undefined) | undefined;
}

export interface Axon {
  port: number;
  stop(): Promise<void>;
}

const MAX_REQUEST_BYTES = 1_048_576;
/** Bun closes a connection on which nothing moves for this long; the longest that it takes, for silent miners. */
const IDLE_TIMEOUT_S = 255;
const PING_NAME = "Synapse";

/** Everything an answer's headers and body repeat. */
interface Exchange {
  options: AxonOptions;
  port: number;
  name: string;
  headers: Headers;
  startedMs: number;
}

/**
 * A miner's HTTP server that speaks the axon side of the bittensor SDK 10.2: the same order of checks, status codes
 * and `bt_header_` headers (its core/axon.py and core/synapse.py). It differs where the SDK is lax: the signature is required.
 */
export function startAxon(options: AxonOptions): Axon {
  const check = new CallerCheck(options.hotkey);
  const server = Bun.serve({
    hostname: options.host,
    port: options.port,
    maxRequestBodySize: MAX_REQUEST_BYTES,
    idleTimeout: IDLE_TIMEOUT_S,
    development: false,
    fetch: (request, self): Promise<Response> => serve(request, options, self.port ?? options.port, check),
    error: () => new Response(null, { status: 500 }),
  });
  return { port: server.port ?? options.port, stop: () => server.stop(true) };
}

async function serve(
  request: Request,
  options: AxonOptions,
  port: number,
  check: CallerCheck,
): Promise<Response> {
  const name = new URL(request.url).pathname.slice(1);
  const exchange: Exchange = { options, port, name, headers: request.headers, startedMs: performance.now() };
  if (name !== SYNAPSE_NAME && name !== PING_NAME)
    return refuse(
      exchange,
      404,
      `Synapse name '${name.slice(0, 64).replace(/[^\w/.-]/g, "?")}' not found. Available synapses ['${PING_NAME}', '${SYNAPSE_NAME}']`,
    );
  if (request.method !== "POST") return refuse(exchange, 405, "Method Not Allowed");

  // Blacklist before verification, as in the SDK: the hotkey is only claimed here.
  const claimed = request.headers.get("bt_header_dendrite_hotkey") ?? "";
  const unwelcome = options.refuseCaller?.(claimed);
  if (unwelcome !== undefined) return refuse(exchange, 403, `Forbidden. Key is blacklisted: ${unwelcome}.`);
  const caller = readCaller(request.headers);
  const disbelief = typeof caller === "string" ? caller : check.refuse(caller);
  if (typeof caller === "string" || disbelief !== undefined)
    return refuse(exchange, 401, `Not Verified with error: ${disbelief}`);

  return name === PING_NAME ? pong(exchange, caller) : run(request, exchange, caller);
}

function pong(exchange: Exchange, caller: Caller): Response {
  if (caller.bodyHash !== bodyHash([])) return crash(exchange);
  return succeed(exchange, {});
}

async function run(request: Request, exchange: Exchange, caller: Caller): Promise<Response> {
  const { headers } = request;
  // The SDK cannot build its object without these, nor read a body that is not announced as JSON.
  const isComplete = headers.has("bt_header_input_obj_roles") && headers.has("bt_header_input_obj_messages");
  if (!isComplete || !headers.get("content-type")?.startsWith("application/json")) return crash(exchange);
  const body = await readBody(request);
  if (body === undefined || !isTexts(body.messages)) return crash(exchange);
  if (bodyHash([body.messages]) !== caller.bodyHash) return crash(exchange);
  if (!isTexts(body.roles) || body.roles.length !== body.messages.length) return invalidModel();

  const prompt: MinerPrompt = { roles: body.roles, messages: body.messages };
  const reaction = await exchange.options.behave({
    prompt: prompt.messages.at(-1) ?? "",
    timeoutMs: caller.timeoutMs,
    signal: request.signal,
  });
  switch (reaction.kind) {
    case "completion":
      return succeed(exchange, { ...prompt, completion: reaction.text });
    case "response":
      return reaction.response;
    case "failure":
      return crash(exchange);
  }
}

async function readBody(request: Request): Promise<Record<string, unknown> | undefined> {
  try {
    const body: unknown = await request.json();
    return typeof body === "object" && body !== null ? (body as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

function isTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((item) => typeof item === "string");
}

function succeed(exchange: Exchange, fields: Record<string, unknown>): Response {
  const { headers, name, options, port, startedMs } = exchange;
  const hash = headers.get("computed_body_hash") ?? "";
  const processTime = (performance.now() - startedMs) / 1000;
  const body = {
    name,
    timeout: Number(headers.get("timeout")),
    total_size: Number(headers.get("total_size") ?? 0),
    header_size: Number(headers.get("header_size") ?? 0),
    dendrite: {
      hotkey: headers.get("bt_header_dendrite_hotkey"),
      uuid: headers.get("bt_header_dendrite_uuid"),
    },
    axon: {
      status_code: 200,
      status_message: "Success",
      process_time: processTime,
      ip: options.host,
      port,
      hotkey: options.hotkey,
    },
    computed_body_hash: hash,
    ...fields,
  };
  return Response.json(body, { headers: responseHeaders(exchange, 200, "Success") });
}

/** What the SDK answers when the miner's program, or its reading of the request, failed. */
function crash(exchange: Exchange): Response {
  return refuse(exchange, 500, `Internal Server Error #${randomUUID()}`);
}

/** The answer of the web framework under the SDK, which knows nothing of axons. */
function invalidModel(): Response {
  return Response.json(
    { detail: [{ type: "list_type", loc: ["body", "roles"], msg: "Input should be a valid list" }] },
    { status: 422 },
  );
}

function refuse(exchange: Exchange, status: number, message: string): Response {
  return Response.json({ message }, { status, headers: responseHeaders(exchange, status, message) });
}

/** Headers of every answer of an axon. Values are one line of ASCII. */
function responseHeaders(exchange: Exchange, status: number, message: string): Record<string, string> {
  const { headers, name, options, port, startedMs } = exchange;
  const echoed: Record<string, string> = {};
  for (const [key, value] of headers)
    if (
      /^(?:bt_header_dendrite_|bt_header_input_obj_|(?:name|timeout|header_size|total_size|computed_body_hash)$)/.test(
        key,
      )
    )
      echoed[key] = value;
  return {
    name,
    ...echoed,
    bt_header_axon_status_code: String(status),
    bt_header_axon_status_message: message,
    bt_header_axon_process_time: String((performance.now() - startedMs) / 1000),
    bt_header_axon_ip: options.host,
    bt_header_axon_port: String(port),
    bt_header_axon_version: String(DENDRITE_VERSION),
    bt_header_axon_hotkey: options.hotkey,
  };
}
