import { createHash } from "node:crypto";
import { Failure } from "../base/error.ts";
import { type PythonValue, pythonSeconds, pythonText } from "./pyrepr.ts";

/** A conversation as the `Prompting` synapse carries it: two lists of one length. */
export interface MinerPrompt {
  roles: string[];
  messages: string[];
}

/** The part of the wallet's signer that a request needs. */
export interface RequestSigner {
  readonly hotkey: string;
  /** sr25519 over the UTF-8 bytes of the message, unwrapped: 64 bytes. */
  signMinerRequest(message: string): Uint8Array;
}

export type MinersCode = "miners.unusable-key";

/**
 * The axon of SDK 6 to 10 rebuilds the caller's key from its address alone, always as sr25519, and answers 401 to every
 * signature of another scheme: such a hotkey gets no answer from anyone.
 * @throws Failure `miners.unusable-key`
 */
export function requireUsableKey(signer: { hotkey: string; cryptoType: string }): void {
  if (signer.cryptoType === "sr25519") return;
  throw new Failure<MinersCode>("miners.unusable-key", {
    message: `the hotkey ${signer.hotkey} is an ${signer.cryptoType} key, and every miner of bittensor SDK 6 to 10 refuses signatures of these`,
    hint: "register a hotkey of the usual kind (sr25519), such as `openvalidator wallet create` makes, and give it with --wallet.hotkey",
  });
}

export interface RequestPlan {
  signer: RequestSigner;
  /** Where the request goes, as on chain. */
  axon: { ip: string; port: number; hotkey: string };
  prompt: MinerPrompt;
  timeoutMs: number;
  /** Unix nanoseconds, greater than in every earlier request under this uuid. */
  nonce: bigint;
  uuid: string;
  /** Address of this validator as others see it. Only informative: the axon uses the socket's peer. */
  externalIp: string;
}

/** A signed request, ready for the socket. */
export interface MinerRequest {
  path: string;
  headers: Record<string, string>;
  body: Buffer;
}

/** The synapse class of opentensor/text-prompting 2.x, the successor of openvalidators 1.2.0. It is the route. */
export const SYNAPSE_NAME = "Prompting";

// We speak the protocol of SDK 10.2.0. Below 7002000 a miner would apply the older nonce rule.
export const DENDRITE_VERSION = 10_002_000;

// Base64 of "[]": a miner's SDK builds an empty object of the class from these before it reads the body.
const EMPTY_LIST = "W10=";

/** Hex SHA3-256 over the concatenated hex SHA3-256 of each hashed field's Python text (SDK 10.2, core/synapse.py body_hash). */
export function bodyHash(fields: readonly PythonValue[]): string {
  return sha3(fields.map((field) => sha3(pythonText(field))).join(""));
}

/** What both sides sign and verify. The receiver puts in its own hotkey, so that a request cannot be passed on. */
export function signedMessage(parts: {
  nonce: bigint | string;
  sender: string;
  receiver: string;
  uuid: string;
  bodyHash: string;
}): string {
  return `${parts.nonce}.${parts.sender}.${parts.receiver}.${parts.uuid}.${parts.bodyHash}`;
}

/**
 * Text whose hash is the same under every miner's Python: well-formed, without invisible, private and unassigned
 * characters, and with the plain space for every other space. A character newer than a miner's Unicode tables still
 * hashes differently there; that one miner then answers 500.
 */
export function hashSafe(text: string): string {
  return text
    .toWellFormed()
    .replace(/[\p{Cf}\p{Co}\p{Cn}]/gu, "")
    .replace(/\p{Z}/gu, " ");
}

/** Builds and signs one request. The prompt must have passed `hashSafe`. */
export function buildRequest(plan: RequestPlan): MinerRequest {
  const { axon, prompt, signer, uuid } = plan;
  const hash = bodyHash([prompt.messages]);
  const message = signedMessage({
    nonce: plan.nonce,
    sender: signer.hotkey,
    receiver: axon.hotkey,
    uuid,
    bodyHash: hash,
  });
  const signature = `0x${Buffer.from(signer.signMinerRequest(message)).toString("hex")}`;
  const headers: Record<string, string> = {
    name: SYNAPSE_NAME,
    timeout: pythonSeconds(plan.timeoutMs),
    bt_header_axon_ip: axon.ip,
    bt_header_axon_port: String(axon.port),
    bt_header_axon_hotkey: axon.hotkey,
    bt_header_dendrite_ip: plan.externalIp,
    bt_header_dendrite_version: String(DENDRITE_VERSION),
    bt_header_dendrite_nonce: String(plan.nonce),
    bt_header_dendrite_uuid: uuid,
    bt_header_dendrite_hotkey: signer.hotkey,
    bt_header_dendrite_signature: signature,
    bt_header_input_obj_roles: EMPTY_LIST,
    bt_header_input_obj_messages: EMPTY_LIST,
  };
  // The SDK puts Python object sizes here; every miner accepts any integer.
  const headerSize = Buffer.byteLength(JSON.stringify(headers));
  const totalSize = headerSize + Buffer.byteLength(JSON.stringify(prompt));
  const body = bodyText(plan, signature, { headerSize, totalSize });
  return {
    path: `/${SYNAPSE_NAME}`,
    headers: {
      ...headers,
      header_size: String(headerSize),
      total_size: String(totalSize),
      computed_body_hash: hash,
      "content-type": "application/json",
    },
    body: Buffer.from(body, "utf8"),
  };
}

function bodyText(
  plan: RequestPlan,
  signature: string,
  { headerSize, totalSize }: { headerSize: number; totalSize: number },
): string {
  const { axon, prompt, signer, uuid } = plan;
  // The nonce is above 2^53, so that it is written as digits and never passes through a number.
  const dendrite = terminal({
    ip: JSON.stringify(plan.externalIp),
    version: String(DENDRITE_VERSION),
    nonce: String(plan.nonce),
    uuid: JSON.stringify(uuid),
    hotkey: JSON.stringify(signer.hotkey),
    signature: JSON.stringify(signature),
  });
  const receiver = terminal({
    ip: JSON.stringify(axon.ip),
    port: String(axon.port),
    hotkey: JSON.stringify(axon.hotkey),
  });
  return [
    `{"name":${JSON.stringify(SYNAPSE_NAME)}`,
    `"timeout":${pythonSeconds(plan.timeoutMs)}`,
    `"total_size":${totalSize}`,
    `"header_size":${headerSize}`,
    `"dendrite":${dendrite}`,
    `"axon":${receiver}`,
    `"computed_body_hash":""`,
    `"required_hash_fields":["messages"]`,
    `"roles":${JSON.stringify(prompt.roles)}`,
    `"messages":${JSON.stringify(prompt.messages)}`,
    `"completion":""}`,
  ].join(",");
}

type TerminalField =
  | "status_code"
  | "status_message"
  | "process_time"
  | "ip"
  | "port"
  | "version"
  | "nonce"
  | "uuid"
  | "hotkey"
  | "signature";

const TERMINAL_FIELDS: readonly TerminalField[] = [
  "status_code",
  "status_message",
  "process_time",
  "ip",
  "port",
  "version",
  "nonce",
  "uuid",
  "hotkey",
  "signature",
];

/** JSON of the SDK's TerminalInfo: every field in its order, null where nothing is known. Values are JSON text. */
function terminal(values: Partial<Record<TerminalField, string>>): string {
  return `{${TERMINAL_FIELDS.map((field) => `"${field}":${values[field] ?? "null"}`).join(",")}}`;
}

function sha3(text: string): string {
  return createHash("sha3-256").update(text, "utf8").digest("hex");
}
