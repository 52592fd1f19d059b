import { openSync } from "node:fs";
import { asUid } from "../../src/base/units.ts";
import { Dendrite } from "../../src/miners/ask.ts";
import { commonCause } from "../../src/miners/fault.ts";
import { testSigner } from "./keys.ts";

/** Run by itself with a low `ulimit -n`: asks one miner when no descriptor is left, and prints what it is told. */
const signer = await testSigner("//Alice");
const dendrite = new Dendrite({
  signer,
  policy: { allowPrivate: true, ownAddresses: new Set() },
  version: "0",
});
const axon = { ip: 0x7f000001n, ipType: 4, port: Number(process.argv[2]) };
const ask = () =>
  dendrite.ask(
    [{ uid: asUid(1), hotkey: signer.hotkey as never, axon }],
    { roles: ["user"], messages: ["?"] },
    {
      timeoutMs: 2_000,
    },
  );
const before = await ask();
try {
  for (;;) openSync("/dev/null", "r");
} catch {
  // The last one is taken.
}
const during = await ask();
process.stdout.write(
  JSON.stringify({ before: before[0]!.status, fault: during[0]!.fault, cause: commonCause(during)?.cause }),
);
