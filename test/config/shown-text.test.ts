import { describe, expect, test } from "bun:test";
import { parseJsonc } from "../../src/config/jsonc.ts";
import { shownText } from "../../src/config/shown-text.ts";

const KEY = "k3y0FEEDFACE0123456789abcdef";

describe("a setting as it is shown", () => {
  test.each([
    ["subtensor.chain_endpoint", `wss://user:${KEY}@node.example/${KEY}?apikey=${KEY},ws://10.0.0.1:9944`],
    ["subtensor.chain_endpoint", `node.example:443/${KEY}`],
    ["data.source", `https://user:${KEY}@data.example/texts.jsonl`],
  ])("%s holds no key", (flag, text) => {
    const shown = shownText(flag, text);
    expect(shown).not.toContain(KEY);
    expect(shown).toContain(".example");
  });

  test("names and folders stay", () => {
    expect(shownText("subtensor.network", "finney")).toBe("finney");
    expect(shownText("wallet.path", "~/.bittensor/wallets")).toBe("~/.bittensor/wallets");
    expect(shownText("subtensor.chain_endpoint", "ws://127.0.0.1:9944")).toBe("ws://127.0.0.1:9944");
  });
});

test.each([`{"alert.url": ${KEY}}`, `{"alert.url": "${KEY}`, `{${KEY}: 1}`, `{"a": "x"} ${KEY}`])(
  "a config file that is no JSON is not quoted: %#",
  (text) => {
    let message = "";
    try {
      parseJsonc(text);
    } catch (error) {
      message = String(error);
    }
    expect(message).toContain("SyntaxError");
    expect(message).not.toContain(KEY);
  },
);
