import { expect, describe as group, test } from "bun:test";
import fc from "fast-check";
import { type Circumstances, decide, rolloutPlace } from "../../src/update/gates.ts";
import { compareVersions, isPatch, isVersion, type Release } from "../../src/update/release.ts";
import { describe } from "./release-server.ts";

const ISSUED = Date.parse("2026-11-01T00:00:00Z");
const HOUR_MS = 3_600_000;

function decided(release: Partial<Release> & { version: string }, changes: Partial<Circumstances> = {}) {
  return decide(describe(release.version, new Uint8Array(1), release), {
    current: "1.2.3",
    bad: [],
    installId: "a",
    nowMs: ISSUED,
    isAskedFor: false,
    allowsDowngrade: false,
    rollbackTo: null,
    unattended: "on",
    ...changes,
  });
}

group("which release is taken", () => {
  test("a newer one, over any number of versions, and nothing else", () => {
    expect(decided({ version: "1.2.4" }).kind).toBe("available");
    expect(decided({ version: "2.0.0" }, { current: "1.1.9" }).kind).toBe("available");
    expect(decided({ version: "1.10.0" }, { current: "1.9.0" }).kind).toBe("available");
    expect(decided({ version: "1.2.3" }).kind).toBe("up-to-date");
    expect(decided({ version: "1.2.3-rc.1" }).kind).toBe("up-to-date");
    expect(decided({ version: "1.1.0" }).kind).toBe("up-to-date");
  });

  test("an older one when that is asked for, and only where it reads what is there", () => {
    const wish = { isAskedFor: true, allowsDowngrade: true };
    expect(decided({ version: "1.1.0" }, wish).kind).toBe("available");
    expect(decided({ version: "1.1.0" }, { ...wish, rollbackTo: "1.2.0" })).toMatchObject({
      kind: "refused",
      hint: expect.stringContaining("1.2.0"),
    });
    expect(decided({ version: "1.2.0" }, { ...wish, rollbackTo: "1.2.0" }).kind).toBe("available");
  });

  test("none that was revoked, whoever asks", () => {
    const revoked = { version: "1.3.0", revoked: ["1.3.0"] };
    expect(decided(revoked).kind).toBe("refused");
    expect(decided(revoked, { isAskedFor: true }).kind).toBe("refused");
  });

  test("who runs a revoked one leaves it at once, whatever the stage and the policy", () => {
    const next = {
      version: "2.0.0",
      revoked: ["1.2.3"],
      rollout: [{ afterHours: 1_000, percent: 100 }],
    };
    expect(decided(next, { unattended: "patch" })).toEqual({ kind: "available", isRevoked: true });
  });

  test("an old program is told which version comes first", () => {
    expect(decided({ version: "2.0.0", minVersion: "1.5.0" })).toMatchObject({
      kind: "refused",
      hint: expect.stringContaining("--version 1.5.0"),
    });
  });

  test("what failed here waits for a person", () => {
    expect(decided({ version: "1.3.0" }, { bad: ["1.3.0"] })).toMatchObject({ kind: "waits", untilMs: null });
    expect(decided({ version: "1.3.0" }, { bad: ["1.3.0"], isAskedFor: true }).kind).toBe("available");
  });

  test("corrections alone, where that is the policy", () => {
    expect(decided({ version: "1.2.9" }, { unattended: "patch" }).kind).toBe("available");
    expect(decided({ version: "1.3.0" }, { unattended: "patch" }).kind).toBe("waits");
  });
});

group("a roll-out in stages", () => {
  const rollout = [
    { afterHours: 0, percent: 5 },
    { afterHours: 12, percent: 25 },
    { afterHours: 36, percent: 100 },
  ];

  test("reaches every installation by its end, in the share of each stage", () => {
    const shares = [0, 12, 36].map((hours) => {
      const nowMs = ISSUED + hours * HOUR_MS;
      const taken = Array.from({ length: 4_000 }, (_, at) =>
        decided({ version: "1.3.0", rollout }, { installId: `installation ${at}`, nowMs }),
      ).filter(({ kind }) => kind === "available");
      return taken.length / 40;
    });
    expect(shares[0]).toBeCloseTo(5, -0.5);
    expect(shares[1]).toBeCloseTo(25, -0.8);
    expect(shares[2]).toBe(100);
  });

  test("says when the turn comes, and that is right", () => {
    fc.assert(
      fc.property(fc.string(), (installId) => {
        const decision = decided({ version: "1.3.0", rollout }, { installId });
        if (decision.kind === "available") return rolloutPlace(installId, "1.3.0") < 5;
        if (decision.kind !== "waits" || decision.untilMs === null) return false;
        const nowMs = decision.untilMs;
        return (
          decided({ version: "1.3.0", rollout }, { installId, nowMs }).kind === "available" &&
          decided({ version: "1.3.0", rollout }, { installId, nowMs: nowMs - 1 }).kind === "waits"
        );
      }),
    );
  });

  test("that ends early leaves the others where they are", () => {
    const halted = [{ afterHours: 0, percent: 0 }];
    expect(decided({ version: "1.3.0", rollout: halted })).toMatchObject({ kind: "waits", untilMs: null });
  });

  test("does not hold back what is urgent or asked for", () => {
    const last = [{ afterHours: 100, percent: 100 }];
    expect(decided({ version: "1.3.0", rollout: last, urgency: "high" }).kind).toBe("available");
    expect(decided({ version: "1.3.0", rollout: last }, { isAskedFor: true }).kind).toBe("available");
  });

  test("draws anew for each version", () => {
    const places = ["1.3.0", "1.4.0", "1.5.0"].map((version) => rolloutPlace("a", version));
    expect(new Set(places).size).toBe(3);
  });
});

group("versions", () => {
  test("are strict", () => {
    for (const good of ["0.0.1", "1.2.3", "10.20.30", "1.0.0-rc.1", "1.0.0-0", "1.0.0-0a.x-01"])
      expect(isVersion(good)).toBeTrue();
    for (const bad of [
      "x",
      "1",
      "1.2",
      "01.2.3",
      "1.2.3 ",
      "v1.2.3",
      "1.2.3+b",
      "",
      "1.2.3-",
      "1.2.3-01",
      "1.2.3-rc.01",
      "1.2.3-rc..1",
      `1.0.0-${"a".repeat(99)}`,
    ])
      expect(isVersion(bad)).toBeFalse();
  });

  test("are ordered as semver orders them", () => {
    const ordered = ["0.9.0", "1.0.0-rc.1", "1.0.0-rc.2", "1.0.0", "1.0.10", "1.1.0", "2.0.0"];
    for (const [at, version] of ordered.entries())
      for (const [other, second] of ordered.entries())
        expect(Math.sign(compareVersions(version, second))).toBe(Math.sign(at - other));
  });

  test("differ by a correction when only the last number does", () => {
    expect(isPatch("1.2.3", "1.2.9")).toBeTrue();
    expect(isPatch("1.2.3", "1.3.0")).toBeFalse();
    expect(isPatch("1.2.3", "2.2.3")).toBeFalse();
  });
});
