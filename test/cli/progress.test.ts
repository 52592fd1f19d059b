import { describe, expect, test } from "bun:test";
import { showProgress } from "../../src/cli/progress.ts";

const TOTAL = 436_000_000;

/** A display with a clock of its own, and what it wrote. */
function display(output: { isTTY?: boolean; columns?: number }) {
  let written = "";
  let nowMs = 0;
  const progress = showProgress({ ...output, write: (text) => (written += text) }, () => nowMs);
  return {
    ...progress,
    pass: (ms: number) => {
      nowMs += ms;
    },
    written: () => written,
    /** What stands on the terminal at the end. */
    screen: () => written.split("\n").map((line) => line.split("\r\u001b[K").at(-1)!),
  };
}

describe("on a terminal", () => {
  test("a bar grows, with the speed of this pull, and stays when the file is whole", () => {
    const shown = display({ isTTY: true, columns: 100 });
    shown.onProgress("onnx/model.onnx", 218_000_000, TOTAL);
    expect(shown.screen()).toEqual(["  onnx/model.onnx [##########..........]  50 %  218.0 MB of 436.0 MB"]);
    shown.pass(2000);
    shown.onProgress("onnx/model.onnx", 238_000_000, TOTAL);
    expect(shown.screen()).toEqual([
      "  onnx/model.onnx [##########..........]  54 %  238.0 MB of 436.0 MB  10.0 MB/s",
    ]);
    shown.pass(1);
    shown.onProgress("onnx/model.onnx", TOTAL, TOTAL);
    shown.onProgress("config.json", 7, 7);
    expect(shown.screen()).toEqual([
      "  onnx/model.onnx [####################] 100 %  436.0 MB of 436.0 MB  108.9 MB/s",
      "  config.json [####################] 100 %  7 B of 7 B",
      "",
    ]);
  });

  test("a name that does not fit loses its front, and no line reaches the edge", () => {
    for (const columns of [80, 60, 40, 10]) {
      const shown = display({ isTTY: true, columns });
      shown.onProgress("onnx/a-folder-with-a-long-name/decoder_model_merged_q4f16.onnx", 1e6, TOTAL);
      for (const line of shown.screen()) expect(line.length).toBeLessThan(columns);
    }
    const shown = display({ isTTY: true, columns: 80 });
    shown.onProgress("onnx/a-folder-with-a-long-name/decoder_model_merged_q4f16.onnx", 1e6, TOTAL);
    expect(shown.screen()[0]).toStartWith("  …");
    expect(shown.screen()[0]).toContain("q4f16.onnx [....................]   0 %");
  });

  test("is drawn ten times a second at most", () => {
    const shown = display({ isTTY: true, columns: 100 });
    for (let at = 0; at < 1000; at++) {
      shown.onProgress("a", at, 1000);
      shown.pass(1);
    }
    expect(shown.written().split("\r").length - 1).toBe(10);
  });

  test("a bar that does not come to its end still ends its line, once", () => {
    const shown = display({ isTTY: true, columns: 100 });
    shown.onProgress("a", 1, 2_000_000);
    shown.end();
    shown.end();
    shown.onProgress("a", 2, 2_000_000);
    expect(shown.screen()).toHaveLength(2);
  });

  test("a file that is begun anew is measured anew", () => {
    const shown = display({ isTTY: true, columns: 100 });
    shown.onProgress("a", 90_000_000, 100_000_000);
    shown.pass(1000);
    shown.onProgress("a", 0, 100_000_000);
    shown.pass(1000);
    shown.onProgress("a", 5_000_000, 100_000_000);
    expect(shown.screen()[0]).toEndWith("  5.0 MB of 100.0 MB  5.0 MB/s");
  });
});

test("elsewhere each tenth is a line, and nothing is overwritten", () => {
  const shown = display({});
  for (let percent = 0; percent <= 100; percent++) shown.onProgress("a", percent * 1e6, 100e6);
  shown.end();
  expect(shown.written().split("\n")).toEqual([
    ...Array.from({ length: 11 }, (_, tenth) => `  a: ${tenth * 10} % of 100.0 MB`),
    "",
  ]);
});
