import { noticedBy } from "./mutant.ts";

export const WALLET_MUTANTS = noticedBy(
  ["test/wallet/signer.test.ts", "test/wallet/message.test.ts"],
  [
    {
      name: "a request in the name of another hotkey is signed",
      file: "src/wallet/payloads.ts",
      text: "?.groups?.sender ?? hotkey) !== hotkey",
      replacement: "?.groups?.none ?? hotkey) !== hotkey",
    },
    {
      name: "a call of another pallet is signed",
      file: "src/wallet/payloads.ts",
      text: "payload[0] === SUBTENSOR_PALLET ?",
      replacement: "payload[0] !== undefined ?",
    },
    {
      name: "bare bytes are signed as a message",
      file: "src/wallet/message.ts",
      text: "if (!isWrapped) assertHarmless(message);",
      replacement: "if (isWrapped) assertHarmless(message);",
    },
    {
      name: "the hash of an extrinsic is signed as a message",
      file: "src/wallet/message.ts",
      text: "message.length === HASH_BYTES",
      replacement: "message.length > HASH_BYTES",
    },
  ],
);
