import { join } from "node:path";
import { asUid } from "../../src/base/units.ts";
import { Dendrite, type MinerTarget } from "../../src/miners/ask.ts";
import { buildRequest } from "../../src/miners/synapse-request.ts";
import { type TestSigner, testSigner } from "../miners/keys.ts";
import { type BenchRow, median, quantile } from "./row.ts";

const MINERS = 256;
const THINKING_MS = 20;
const TIMEOUT_MS = 10_000;
const ROUNDS = 5;
const LOOPBACK = 0x7f000001n;
const PROMPT = {
  roles: ["user"],
  messages: ["Which sentence of this text matters most, and why? ".repeat(60)],
};

/** Time that asking 256 miners adds to the time they need themselves, and the whole against asking one by one. */
export async function benchAsk(): Promise<BenchRow[]> {
  const script = join(import.meta.dir, "miners-server.ts");
  const server = Bun.spawn([process.execPath, script, String(MINERS), String(THINKING_MS)], {
    stdout: "pipe",
    stderr: "inherit",
  });
  try {
    const reader = server.stdout.getReader();
    let text = "";
    while (!text.includes("\n")) text += new TextDecoder().decode((await reader.read()).value);
    return await measure(JSON.parse(text));
  } finally {
    server.kill();
    await server.exited;
  }
}

async function measure(ports: number[]): Promise<BenchRow[]> {
  const signer = await testSigner("//Alice");
  const dendrite = new Dendrite({
    signer,
    policy: { allowPrivate: true, ownAddresses: new Set() },
    version: "bench",
  });
  const targets: MinerTarget[] = ports.map((port, uid) => ({
    uid: asUid(uid),
    hotkey: signer.hotkey,
    axon: { ip: LOOPBACK, ipType: 4, port },
  }));
  // The first rounds of both pay for compiling.
  await dendrite.ask(targets, PROMPT, { timeoutMs: TIMEOUT_MS });
  await askOneByOne(signer, ports.slice(0, 16));

  const added: number[] = [];
  const totals: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const startedMs = performance.now();
    const replies = await dendrite.ask(targets, PROMPT, { timeoutMs: TIMEOUT_MS });
    totals.push(performance.now() - startedMs);
    for (const reply of replies) {
      if (reply.completion === null) throw new Error(`miner ${reply.uid} did not answer: ${reply.message}`);
      added.push(reply.elapsedMs - Number(reply.completion));
    }
  }
  const startedMs = performance.now();
  await askOneByOne(signer, ports);
  const plainMs = performance.now() - startedMs;
  const totalMs = median(totals);
  return [
    { name: "ask 256 miners, added by us, p50", value: quantile(added, 0.5), unit: "ms" },
    { name: "ask 256 miners, added by us, p99", value: quantile(added, 0.99), unit: "ms" },
    { name: "ask 256 miners, signing included", value: totalMs, unit: "ms", ratio: plainMs / totalMs },
  ];
}

/** The plain way: sign, send, wait, next. */
async function askOneByOne(signer: TestSigner, ports: readonly number[]): Promise<void> {
  for (const port of ports) {
    const request = buildRequest({
      signer,
      axon: { ip: "127.0.0.1", port, hotkey: signer.hotkey },
      prompt: PROMPT,
      timeoutMs: TIMEOUT_MS,
      nonce: BigInt(Date.now()) * 1_000_000n,
      uuid: "one by one",
      externalIp: "127.0.0.1",
    });
    const response = await fetch(`http://127.0.0.1:${port}${request.path}`, {
      method: "POST",
      headers: request.headers,
      body: new Uint8Array(request.body),
    });
    await response.json();
  }
}
