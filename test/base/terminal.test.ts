import { expect, test } from "bun:test";
import { canRedraw, wantsColour } from "../../src/base/terminal.ts";

test.each([
  [{ isTTY: true }, {}, true, true],
  [{ isTTY: true }, { NO_COLOR: "1", TERM: "xterm" }, true, false],
  [{ isTTY: true }, { NO_COLOR: "" }, true, true],
  [{ isTTY: true }, { TERM: "dumb" }, false, false],
  [{ isTTY: false }, { TERM: "xterm" }, false, false],
  [{}, {}, false, false],
])("a stream %p with %p can be redrawn: %p, and is coloured: %p", (stream, environment, redraws, colours) => {
  expect(canRedraw(stream, environment)).toBe(redraws);
  expect(wantsColour(stream, environment)).toBe(colours);
});
