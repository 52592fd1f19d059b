import { afterEach, beforeAll, describe, expect, test } from "bun:test";
import { type Axon, startAxon } from "../../src/localnet/miners/axon.ts";
import { CallerCheck, readCaller } from "../../src/localnet/miners/verify.ts";
import {
  bodyHash,
  buildRequest,
  type MinerRequest,
  signedMessage,
} from "../../src/miners/synapse-request.ts";
import { type TestSigner, testSigner } from "../miners/keys.ts";

const NS_PER_S = 1_000_000_000n;
const nowNs = (): bigint => BigInt(Date.now()) * 1_000_000n;

let alice: TestSigner;
let bob: TestSigner;
let charlie: TestSigner;
beforeAll(async () => {
  [alice, bob, charlie] = (await Promise.all(["//Alice", "//Bob", "//Charlie"].map(testSigner))) as [
    TestSigner,
    TestSigner,
    TestSigner,
  ];
});

const axons: Axon[] = [];
afterEach(async () => {
  await Promise.all(axons.splice(0).map((axon) => axon.stop()));
});

/** An axon of Bob's that answers with the prompt in capitals. */
function open(overrides: Partial<Parameters<typeof startAxon>[0]> = {}): Axon {
  const axon = startAxon({
    hotkey: bob.hotkey,
    host: "127.0.0.1",
    port: 0,
    behave: async ({ prompt }) => ({ kind: "completion", text: prompt.toUpperCase() }),
    ...overrides,
  });
  axons.push(axon);
  return axon;
}

function build(
  overrides: { nonce?: bigint; uuid?: string; receiver?: string; timeoutMs?: number } = {},
): MinerRequest {
  return buildRequest({
    signer: alice,
    axon: { ip: "127.0.0.1", port: 1, hotkey: overrides.receiver ?? bob.hotkey },
    prompt: { roles: ["user"], messages: ["it's a test\n日本語 🙂"] },
    timeoutMs: overrides.timeoutMs ?? 12_000,
    nonce: overrides.nonce ?? nowNs(),
    uuid: overrides.uuid ?? crypto.randomUUID(),
    externalIp: "127.0.0.1",
  });
}

interface Seen {
  status: number;
  code: string | null;
  message: string | null;
  body: Record<string, unknown>;
}

async function send(
  axon: Axon,
  { path, headers, body }: MinerRequest,
  method: "POST" | "GET" = "POST",
): Promise<Seen> {
  const response = await fetch(`http://127.0.0.1:${axon.port}${path}`, {
    method,
    headers,
    ...(method === "POST" ? { body: new Uint8Array(body) } : {}),
  });
  return {
    status: response.status,
    code: response.headers.get("bt_header_axon_status_code"),
    message: response.headers.get("bt_header_axon_status_message"),
    body: (await response.json()) as Record<string, unknown>,
  };
}

const without = (request: MinerRequest, header: string): MinerRequest => {
  const { [header]: _, ...headers } = request.headers;
  return { ...request, headers };
};
const withHeader = (request: MinerRequest, header: string, value: string): MinerRequest => ({
  ...request,
  headers: { ...request.headers, [header]: value },
});

describe("a reference miner answers", () => {
  test("200 with the whole synapse to a rightly signed request", async () => {
    const seen = await send(open(), build());
    expect(seen).toMatchObject({ status: 200, code: "200", message: "Success" });
    expect(seen.body).toMatchObject({
      name: "Prompting",
      timeout: 12,
      roles: ["user"],
      completion: "IT'S A TEST\n日本語 🙂",
    });
  });

  test("200 to a ping", async () => {
    const nonce = nowNs();
    const hash = bodyHash([]);
    const parts = { nonce, sender: alice.hotkey, receiver: bob.hotkey, uuid: "u", bodyHash: hash };
    const signature = `0x${Buffer.from(alice.signMinerRequest(signedMessage(parts))).toString("hex")}`;
    const ping = {
      path: "/Synapse",
      headers: {
        ...build().headers,
        name: "Synapse",
        bt_header_dendrite_nonce: String(nonce),
        bt_header_dendrite_uuid: "u",
        bt_header_dendrite_signature: signature,
        computed_body_hash: hash,
      },
      body: Buffer.from("{}"),
    };
    expect(await send(open(), ping)).toMatchObject({ status: 200, code: "200" });
  });

  test("401 without a signature, with a wrong one, and with one for another miner", async () => {
    const axon = open();
    const refused = { status: 401, code: "401" };
    expect(await send(axon, without(build(), "bt_header_dendrite_signature"))).toMatchObject(refused);
    const forged = withHeader(build(), "bt_header_dendrite_signature", `0x${"11".repeat(64)}`);
    expect(await send(axon, forged)).toMatchObject(refused);
    const seen = await send(axon, build({ receiver: charlie.hotkey }));
    expect(seen).toMatchObject({ ...refused, message: "Not Verified with error: Signature mismatch" });
    expect(seen.body).toEqual({ message: "Not Verified with error: Signature mismatch" });
  });

  test("401 to someone who signs in the name of another hotkey", async () => {
    const stolen = withHeader(build(), "bt_header_dendrite_hotkey", charlie.hotkey);
    expect(await send(open(), stolen)).toMatchObject({ status: 401 });
    const misspelt = withHeader(build(), "bt_header_dendrite_hotkey", `${alice.hotkey.slice(0, -1)}1`);
    expect(await send(open(), misspelt)).toMatchObject({ status: 401 });
  });

  test("401 to the same request again, and to an older one under the same uuid", async () => {
    const axon = open();
    const nonce = nowNs();
    const first = build({ uuid: "one", nonce });
    expect((await send(axon, first)).status).toBe(200);
    expect(await send(axon, first)).toMatchObject({
      status: 401,
      message: "Not Verified with error: Nonce was used before",
    });
    expect((await send(axon, build({ uuid: "one", nonce: nonce - 1n }))).status).toBe(401);
    expect((await send(axon, build({ uuid: "one", nonce: nonce + 1n }))).status).toBe(200);
    expect((await send(axon, build({ uuid: "two", nonce: nonce - 1n }))).status).toBe(200);
  });

  test("403 to an unwelcome hotkey, before it looks at the signature", async () => {
    const axon = open({
      refuseCaller: (hotkey) => (hotkey === alice.hotkey ? "Unrecognized hotkey" : undefined),
    });
    const seen = await send(axon, without(build(), "bt_header_dendrite_signature"));
    expect(seen).toMatchObject({
      status: 403,
      message: "Forbidden. Key is blacklisted: Unrecognized hotkey.",
    });
  });

  test("404 to a route it does not serve, and names those it does", async () => {
    const seen = await send(open(), { ...build(), path: "/StreamPrompting" });
    expect(seen.status).toBe(404);
    expect(seen.message).toBe(
      "Synapse name 'StreamPrompting' not found. Available synapses ['Synapse', 'Prompting']",
    );
  });

  test("405 to a GET", async () => {
    expect((await send(open(), build(), "GET")).status).toBe(405);
  });

  test("500 when the body is not the one that was hashed", async () => {
    const request = build();
    const tampered = Buffer.from(request.body.toString("utf8").replace("a test", "a text"));
    const seen = await send(open(), { ...request, body: tampered });
    expect(seen).toMatchObject({ status: 500, code: "500" });
    expect(seen.message).toMatch(/^Internal Server Error #[0-9a-f-]{36}$/);
  });

  test.each(["bt_header_input_obj_messages", "bt_header_input_obj_roles", "content-type"])(
    "500 when the header %s is missing",
    async (header) => {
      expect((await send(open(), without(build(), header))).status).toBe(500);
    },
  );

  test.each(["", "{", "[]", "null", "{}", '{"messages":"text"}', '{"messages":[1]}'])(
    "500 to the body %s",
    async (body) => {
      expect((await send(open(), { ...build(), body: Buffer.from(body) })).status).toBe(500);
    },
  );

  test("422 as the web framework does when only the roles have a wrong type", async () => {
    const request = build();
    const body = Buffer.from(request.body.toString("utf8").replace('["user"]', '"user"'));
    const seen = await send(open(), { ...request, body });
    expect(seen).toMatchObject({ status: 422, code: null });
    expect(seen.body).toHaveProperty("detail");
  });

  test("500 when its own program fails", async () => {
    const axon = open({ behave: async () => ({ kind: "failure" }) });
    expect((await send(axon, build())).status).toBe(500);
  });
});

describe("the check of a caller", () => {
  const NOW_MS = 1_752_076_800_000;
  const NOW_NS = BigInt(NOW_MS) * 1_000_000n;
  const refusal = (
    overrides: Parameters<typeof build>[0],
    check = new CallerCheck(bob.hotkey, () => NOW_MS),
  ) => {
    const caller = readCaller(new Headers(build(overrides).headers));
    return typeof caller === "string" ? caller : check.refuse(caller);
  };

  test("takes a nonce of up to 4 s plus the caller's timeout ago, and none from the future", () => {
    expect(refusal({ nonce: NOW_NS })).toBeUndefined();
    expect(refusal({ nonce: NOW_NS - 15n * NS_PER_S })).toBeUndefined();
    expect(refusal({ nonce: NOW_NS - 16n * NS_PER_S })).toBe("Nonce is too old");
    expect(refusal({ nonce: NOW_NS - 15n * NS_PER_S, timeoutMs: 10_000 })).toBe("Nonce is too old");
    expect(refusal({ nonce: NOW_NS + 3n * NS_PER_S })).toBeUndefined();
    expect(refusal({ nonce: NOW_NS + 5n * NS_PER_S })).toBe("Nonce is in the future");
  });

  test("does not use up a nonce for a request that was not believed", () => {
    const check = new CallerCheck(bob.hotkey, () => NOW_MS);
    expect(refusal({ nonce: NOW_NS, uuid: "u", receiver: charlie.hotkey }, check)).toBe("Signature mismatch");
    expect(refusal({ nonce: NOW_NS, uuid: "u" }, check)).toBeUndefined();
  });

  test("forgets the caller it heard from least recently, never the newest", () => {
    const check = new CallerCheck(bob.hotkey, () => NOW_MS);
    for (let index = 0; index < 1025; index++)
      expect(refusal({ nonce: NOW_NS, uuid: `u${index}` }, check)).toBeUndefined();
    expect(refusal({ nonce: NOW_NS, uuid: "u1024" }, check)).toBe("Nonce was used before");
    expect(refusal({ nonce: NOW_NS, uuid: "u0" }, check)).toBeUndefined();
  });

  test.each([
    ["bt_header_dendrite_hotkey", "0x12"],
    ["bt_header_dendrite_uuid", "u".repeat(65)],
    ["bt_header_dendrite_nonce", "1e18"],
    ["bt_header_dendrite_nonce", "-1"],
    ["bt_header_dendrite_version", ""],
    ["bt_header_dendrite_version", "6001000"],
    ["timeout", "nan"],
    ["timeout", "1e9"],
    ["timeout", "-1"],
  ])("refuses the header %s: %s", (header, value) => {
    const caller = readCaller(new Headers({ ...build({ nonce: NOW_NS }).headers, [header]: value }));
    const reason =
      typeof caller === "string" ? caller : new CallerCheck(bob.hotkey, () => NOW_MS).refuse(caller);
    expect(reason).toBeString();
  });
});
