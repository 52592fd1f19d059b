import { describe, expect, test } from "bun:test";
import { hideUrls, printableUrl } from "../../src/base/url.ts";

const KEY = "f3a9c0d17b5e4482a6c1";

describe("a URL that is shown", () => {
  test.each([
    ["wss://entrypoint-finney.opentensor.ai:443", "wss://entrypoint-finney.opentensor.ai"],
    ["ws://127.0.0.1:9944", "ws://127.0.0.1:9944"],
    ["ws://[::1]:9944/", "ws://[::1]:9944"],
    ["wss://user:pw@host/rpc", "wss://***@host/rpc"],
    ["wss://onlyuser@host", "wss://***@host"],
    ["wss://:pw@host", "wss://***@host"],
    [`wss://host/${KEY}`, "wss://host/***"],
    [`wss://host/v3/${KEY}/ws`, "wss://host/v3/***/ws"],
    ["wss://host/6f9619ff-8b86-d011-b42d-00cf4fc964ff", "wss://host/***"],
    ["wss://host/AbCdEfGhIjKlMnOpQrSt", "wss://host/***"],
    ["wss://host/qwertyuiopasdfghjklz", "wss://host/***"],
    ["wss://host/%66%33%61%39%63%30", "wss://host/***"],
    [`wss://host/rpc?token=${KEY}&v=2`, "wss://host/rpc?token=***&v=***"],
    [`wss://host/rpc?${KEY}`, "wss://host/rpc?***"],
    [`wss://host/rpc#${KEY}`, "wss://host/rpc"],
    [
      "https://huggingface.co/Qwen/Qwen3-Embedding-0.6B-ONNX",
      "https://huggingface.co/Qwen/Qwen3-Embedding-0.6B-ONNX",
    ],
    [
      "https://host/some-long-readable-name/train.parquet",
      "https://host/some-long-readable-name/train.parquet",
    ],
  ])("%s is %s", (url, shown) => {
    expect(printableUrl(url)).toBe(shown);
    expect(printableUrl(new URL(url))).toBe(shown);
  });

  test("that is none shows nothing but its scheme", () => {
    expect(printableUrl("wss://us er:pw@ho st")).toBe("wss://***");
    expect(printableUrl("user:pw")).toBe("***");
    expect(printableUrl(`${KEY} ${KEY}`)).toBe("***");
  });
});

test("in a text that others wrote every URL is made fit to be shown, and the rest stays", () => {
  expect(hideUrls(`no answer of wss://u:p@host/rpc?k=${KEY}, nor of "ws://127.0.0.1:9".`)).toBe(
    'no answer of wss://***@host/rpc?k=***, nor of "ws://127.0.0.1:9".',
  );
  expect(hideUrls("a plain text: nothing to hide")).toBe("a plain text: nothing to hide");
});
