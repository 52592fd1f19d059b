import { messageOf } from "../base/error.ts";
import { withoutMark } from "../base/text.ts";

/** Tells strings from comments, in which the marks of the other mean nothing. */
const STRING_OR_COMMENT = /"(?:[^"\\\n]|\\.)*"|\/\/[^\n]*|\/\*[\s\S]*?\*\//g;
const STRING_OR_LAST_COMMA = /"(?:[^"\\\n]|\\.)*"|(?<![{[,]\s*),(?=\s*[}\]])/g;

/**
 * Reads JSON with comments and with a comma after the last member, as editors write it for settings. Comments and such
 * commas become blanks and the rest is read as JSON: everything else (single quotes, words after the end) is refused.
 * @throws SyntaxError which quotes nothing: what stands at a wrong place may be a key that lacks its quotation marks
 */
export function parseJsonc(text: string): unknown {
  const withoutComments = withoutMark(text).replace(STRING_OR_COMMENT, (found) =>
    found.startsWith("/") ? found.replace(/[^\n]/g, " ") : found,
  );
  const json = withoutComments.replace(STRING_OR_LAST_COMMA, (found) => (found === "," ? " " : found));
  try {
    return JSON.parse(json);
  } catch (error) {
    throw new SyntaxError(messageOf(error).replace(/\s*"[\s\S]*"/, " outside quotation marks"));
  }
}
