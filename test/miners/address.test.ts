import { describe, expect, test } from "bun:test";
import { type AddressPolicy, chainAddress, judgeAddress } from "../../src/miners/address.ts";
import { canonicalAddress } from "../../src/net/address-ranges.ts";

const PUBLIC: AddressPolicy = { allowPrivate: false, ownAddresses: new Set() };
const LOCAL: AddressPolicy = { allowPrivate: true, ownAddresses: new Set() };

const judge = (text: string, policy = PUBLIC, port = 8091) =>
  judgeAddress({ ...chainAddress(text), port }, policy);

describe("addresses that may be called", () => {
  test.each([
    ["8.8.8.8", "8.8.8.8:8091"],
    ["1.0.0.0", "1.0.0.0:8091"],
    ["223.255.255.255", "223.255.255.255:8091"],
    ["11.0.0.1", "11.0.0.1:8091"],
    ["9.255.255.255", "9.255.255.255:8091"],
    ["100.63.255.255", "100.63.255.255:8091"],
    ["100.128.0.0", "100.128.0.0:8091"],
    ["126.255.255.255", "126.255.255.255:8091"],
    ["128.0.0.1", "128.0.0.1:8091"],
    ["172.15.255.255", "172.15.255.255:8091"],
    ["172.32.0.0", "172.32.0.0:8091"],
    ["192.0.1.1", "192.0.1.1:8091"],
    ["192.167.1.1", "192.167.1.1:8091"],
    ["198.17.255.255", "198.17.255.255:8091"],
    ["198.20.0.0", "198.20.0.0:8091"],
    ["2606:4700:4700::1111", "[2606:4700:4700::1111]:8091"],
    ["2a00:1450:4001:81b::200e", "[2a00:1450:4001:81b::200e]:8091"],
    ["2001:200::1", "[2001:200::1]:8091"],
    ["::ffff:8.8.8.8", "8.8.8.8:8091"],
    ["64:ff9b::8.8.8.8", "[64:ff9b::808:808]:8091"],
    ["2002:808:808::1", "[2002:808:808::1]:8091"],
  ])("%s", (text, authority) => {
    const judged = judge(text);
    expect(judged).toMatchObject({ ok: true, port: 8091, authority });
  });
});

describe("addresses that are never called on a public network", () => {
  const REFUSED: [string, string][] = [
    ["0.1.2.3", "this network"],
    ["10.0.0.0", "private"],
    ["10.255.255.255", "private"],
    ["100.64.0.0", "carrier-grade NAT"],
    ["100.127.255.255", "carrier-grade NAT"],
    ["127.0.0.1", "loopback"],
    ["127.255.255.254", "loopback"],
    ["169.254.169.254", "link-local"],
    ["172.16.0.1", "private"],
    ["172.31.255.255", "private"],
    ["192.0.0.8", "IETF protocols"],
    ["192.0.2.1", "documentation"],
    ["192.88.99.1", "6to4 relay"],
    ["192.168.0.1", "private"],
    ["192.168.255.255", "private"],
    ["198.18.0.1", "benchmarks"],
    ["198.19.255.255", "benchmarks"],
    ["198.51.100.7", "documentation"],
    ["203.0.113.5", "documentation"],
    ["224.0.0.1", "multicast"],
    ["239.255.255.255", "multicast"],
    ["240.0.0.1", "reserved"],
    ["255.255.255.255", "reserved"],
    ["::1", "loopback"],
    ["::2", "unassigned"],
    ["4000::1", "unassigned"],
    ["e000::1", "unassigned"],
    ["::ffff:127.0.0.1", "loopback"],
    ["::ffff:10.1.2.3", "private"],
    ["::ffff:0.0.0.0", "this network"],
    ["64:ff9b::192.168.1.1", "private"],
    ["64:ff9b::169.254.169.254", "link-local"],
    ["64:ff9b:1::1", "local translation"],
    ["2002:7f00:1::1", "loopback"],
    ["2002:c0a8:101::", "private"],
    ["100::1", "discard"],
    ["2001::1", "IETF protocols"],
    ["2001:1ff:ffff::1", "IETF protocols"],
    ["2001:db8::1", "documentation"],
    ["3fff:0fff::1", "documentation"],
    ["5f00::1", "segment routing"],
    ["fc00::1", "unique local"],
    ["fdff:ffff::1", "unique local"],
    ["fe80::1", "link-local"],
    ["febf::1", "link-local"],
    ["fec0::1", "site-local"],
    ["ff02::1", "multicast"],
  ];
  test.each(REFUSED)("%s is %s", (text, reason) => {
    const judged = judge(text);
    expect(judged.ok).toBe(false);
    if (!judged.ok) expect(judged.reason).toContain(reason);
  });

  test("nothing outside global unicast 2000::/3 passes as IPv6, whatever its first bits", () => {
    for (let first = 0; first <= 0xffff; first += 0x40) {
      const judged = judgeAddress({ ip: (BigInt(first) << 112n) | 5n, ipType: 6, port: 8091 }, PUBLIC);
      if (first < 0x2000 || first > 0x3fff) expect({ first, ok: judged.ok }).toEqual({ first, ok: false });
    }
  });

  test.each([
    ["no address", { ip: 0n, ipType: 4, port: 8091 }],
    ["no address", { ip: 0n, ipType: 6, port: 8091 }],
    ["no port", { ip: 0x0808_0808n, ipType: 4, port: 0 }],
    ["no port", { ip: 0x0808_0808n, ipType: 4, port: 65_536 }],
    ["more than 32 bits", { ip: 1n << 32n, ipType: 4, port: 8091 }],
    ["more than 32 bits", { ip: chainAddress("2606:4700::1").ip, ipType: 4, port: 8091 }],
    ["more than 128 bits", { ip: 1n << 128n, ipType: 6, port: 8091 }],
    ["unknown address type", { ip: 0x0808_0808n, ipType: 0, port: 8091 }],
    ["unknown address type", { ip: 0x0808_0808n, ipType: 5, port: 8091 }],
  ])("%s", (reason, axon) => {
    const judged = judgeAddress(axon, LOCAL);
    expect(judged.ok).toBe(false);
    if (!judged.ok) expect(judged.reason).toContain(reason);
  });

  test.each([22, 25, 53, 111, 389, 2375, 2379, 6000, 6379, 6667, 9200, 9933, 9944, 10_080, 11_211, 30_333])(
    "port %d belongs to another service",
    (port) => {
      expect(judge("8.8.8.8", PUBLIC, port).ok).toBe(false);
      expect(judge("127.0.0.1", LOCAL, port).ok).toBe(false);
    },
  );

  test("its own addresses, in any spelling", () => {
    const own = new Set(["20.30.40.50", canonicalAddress("2606:0:0::00AB")!]);
    const policy = { allowPrivate: false, ownAddresses: own };
    expect(judge("20.30.40.50", policy)).toEqual({ ok: false, reason: "address of this machine" });
    expect(judge("::ffff:20.30.40.50", policy).ok).toBe(false);
    expect(judge("64:ff9b::20.30.40.50", policy).ok).toBe(false);
    expect(judge("2606::ab", policy).ok).toBe(false);
    expect(judge("20.30.40.51", policy).ok).toBe(true);
    expect(judge("20.30.40.50", { ...policy, allowPrivate: true }).ok).toBe(true);
  });
});

describe("a local subnet", () => {
  test.each([
    "127.0.0.1",
    "10.1.2.3",
    "192.168.1.1",
    "172.16.0.1",
    "100.64.0.1",
    "::1",
    "fd00::1",
    "::ffff:127.0.0.1",
  ])("may use %s", (text) => {
    expect(judge(text, LOCAL).ok).toBe(true);
  });

  test.each([
    "169.254.169.254",
    "0.0.0.1",
    "224.0.0.1",
    "255.255.255.255",
    "fe80::1",
    "ff02::1",
    "64:ff9b:1::1",
  ])("may not use %s", (text) => {
    expect(judge(text, LOCAL).ok).toBe(false);
  });
});

describe("text of addresses", () => {
  test.each([
    ["127.0.0.1", "127.0.0.1"],
    ["[::1]", "::1"],
    ["2606:4700:0000:0000:0000:0000:0000:1111", "2606:4700::1111"],
    ["::ffff:1.2.3.4", "::ffff:102:304"],
    ["256.1.1.1", null],
    ["1.2.3", null],
    ["localhost", null],
    ["", null],
    ["::1%eth0", null],
  ])("%s is %p in canonical spelling", (text, canonical) => {
    expect(canonicalAddress(text)).toBe(canonical);
  });

  test("is turned into the chain's number and refused when it is not an address", () => {
    expect(chainAddress("127.0.0.1")).toEqual({ ip: 2_130_706_433n, ipType: 4 });
    expect(chainAddress("::ffff")).toEqual({ ip: 0xffffn, ipType: 6 });
    expect(() => chainAddress("example.org")).toThrow(RangeError);
  });
});
