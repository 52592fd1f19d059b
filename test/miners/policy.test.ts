import { describe, expect, test } from "bun:test";
import { isFailure } from "../../src/base/error.ts";
import { isPublicGenesis, resolveNetwork } from "../../src/chain/networks.ts";
import { chainAddress, judgeAddress } from "../../src/miners/address.ts";
import { addressPolicy, type PolicyFacts } from "../../src/miners/policy.ts";

const NONE: ReadonlySet<string> = new Set();
const policyOf = (more: Partial<PolicyFacts> = {}) =>
  addressPolicy({ isPublicChain: true, allowPrivate: false, ownAddresses: NONE, ...more });
const judge = (text: string, policy: ReturnType<typeof policyOf>, port = 8091) =>
  judgeAddress({ ...chainAddress(text), port }, policy).ok;

describe("private addresses are called", () => {
  test("on no chain whose genesis is a public one's, by whatever name or endpoint it is reached", () => {
    for (const network of ["finney", "test", "archive", "latent-lite"]) {
      const genesis = resolveNetwork({ network }).expectedGenesis!;
      expect({ network, isPublic: isPublicGenesis(genesis) }).toEqual({ network, isPublic: true });
      expect(isPublicGenesis(genesis.toUpperCase().replace("0X", "0x"))).toBe(true);
    }
    for (const address of ["127.0.0.1", "10.0.0.1", "192.168.1.1", "::1", "fd00::1"])
      expect({ address, ok: judge(address, policyOf()) }).toEqual({ address, ok: false });
  });

  test("on every other chain", () => {
    expect(isPublicGenesis(`0x${"ab".repeat(32)}`)).toBe(false);
    expect(judge("127.0.0.1", policyOf({ isPublicChain: false }))).toBe(true);
    expect(judge("10.0.0.1", policyOf({ isPublicChain: false }))).toBe(true);
  });

  test("never on demand of a flag on a public chain", () => {
    const refused = () => policyOf({ allowPrivate: true });
    try {
      refused();
      throw new Error("must be refused");
    } catch (error) {
      expect(isFailure(error, "config.conflict")).toBe(true);
    }
    expect(policyOf({ allowPrivate: true, isPublicChain: false }).allowPrivate).toBe(true);
  });

  test("where only this process's own miners are asked", () => {
    expect(policyOf({ isMockPool: true }).allowPrivate).toBe(true);
  });
});

describe("behind the address that the internet sees of this validator", () => {
  const policy = policyOf({ external: { ip: "20.30.40.50", port: 8091 } });

  test("other ports are others, who are called", () => {
    expect(judge("20.30.40.50", policy, 8092)).toBe(true);
    expect(judge("::ffff:20.30.40.50", policy, 8092)).toBe(true);
    expect(judge("20.30.40.51", policy, 8091)).toBe(true);
  });

  test("its own port is not called, however the address is written", () => {
    expect(judge("20.30.40.50", policy)).toBe(false);
    expect(judge("::ffff:20.30.40.50", policy)).toBe(false);
    expect(judge("64:ff9b::20.30.40.50", policy)).toBe(false);
    const v6 = policyOf({ external: { ip: "2606:4700:0:0::11", port: 1234 } });
    expect(judge("2606:4700::11", v6, 1234)).toBe(false);
    expect(judge("2606:4700::11", v6, 1235)).toBe(true);
  });

  test("an interface of this machine is not called on any port", () => {
    const own = policyOf({ ownAddresses: new Set(["20.30.40.50"]) });
    expect(judge("20.30.40.50", own, 8092)).toBe(false);
  });
});
