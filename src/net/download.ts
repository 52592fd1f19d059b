import { rmSync, statSync } from "node:fs";
import { open } from "node:fs/promises";
import { refused, statusFailure, unreachable } from "./failure.ts";
import { type Answer, type HttpAccess, request, withRetries } from "./http.ts";

export interface WantedFile {
  url: string;
  /** As messages call it. */
  name: string;
  /** Known beforehand: a server that has another size has another file. */
  sizeBytes: number;
}

/**
 * Downloads a file of known size into `part`, going on where an earlier attempt stopped. What arrived is not checked
 * against a hash here, and only its length is known to be right.
 * @param onProgress is told the bytes of the part, first of what was there.
 * @throws NetFailure, Failure `deadline.aborted`, and errors of the file system; the part is kept unless it cannot be right.
 */
export async function resumeDownload(
  access: HttpAccess,
  wanted: WantedFile,
  part: string,
  onProgress: (bytes: number) => void,
): Promise<void> {
  await withRetries(
    access,
    () => appendRest(access, wanted, part, onProgress),
    () => statSync(part, { throwIfNoEntry: false })?.size ?? 0,
  );
}

async function appendRest(
  access: HttpAccess,
  wanted: WantedFile,
  part: string,
  onProgress: (bytes: number) => void,
): Promise<void> {
  const { url, name, sizeBytes } = wanted;
  let have = statSync(part, { throwIfNoEntry: false })?.size;
  if (have !== undefined && have > sizeBytes) {
    rmSync(part);
    have = undefined;
  }
  onProgress(have ?? 0);
  if (have === sizeBytes) return;
  const range = have === undefined || have === 0 ? undefined : { start: have };
  await request(access, url, range, async (answer) => {
    let length = startOf(answer, wanted, have ?? 0, part);
    const file = await open(part, length > 0 ? "a" : "w", 0o600);
    try {
      for await (const chunk of answer.chunks) {
        length += chunk.length;
        if (length > sizeBytes) {
          rmSync(part);
          throw refused(`the file ${name} is longer than ${sizeBytes} bytes at the server`);
        }
        await file.writeFile(chunk);
        onProgress(length);
      }
      // Before the caller renames it: a power cut must not leave a file that has its name and not its content.
      await file.sync();
    } finally {
      await file.close();
    }
    if (length < sizeBytes) throw unreachable(`${name} ended after ${length} bytes`);
  });
}

/**
 * Judges an answer by its head.
 * @returns where its body begins: at `have`, or at 0 from a server that knows no ranges.
 */
function startOf(answer: Answer, { url, name, sizeBytes }: WantedFile, have: number, part: string): number {
  const { status, ok, headers } = answer;
  const [, first, total] = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(headers.get("content-range") ?? "") ?? [];
  if (status === 416 || (status === 206 && Number(first) !== have)) {
    // Asking again would give the same answer, now and at the next download: the file is begun anew.
    rmSync(part, { force: true });
    throw unreachable(`the server answered with another range of ${name}`);
  }
  if (!ok || (status !== 200 && status !== 206)) throw statusFailure(answer, name);
  if (headers.get("content-type")?.startsWith("text/html") && !new URL(url).pathname.endsWith(".html"))
    throw refused(
      `the server answered with a web page in place of ${name}`,
      "check whether a proxy wants a login",
    );
  const start = status === 206 ? have : 0;
  const length = Number(headers.get("content-length") ?? Number.NaN);
  const whole = status === 206 ? Number(total) : length;
  // A shorter range than asked for is allowed; a longer one is not, and neither is another size of the whole.
  if ((Number.isFinite(whole) && whole !== sizeBytes) || start + length > sizeBytes)
    throw refused(
      `the file ${name} has another size at the server: ${Number.isFinite(whole) ? whole : start + length} bytes instead of ${sizeBytes}`,
    );
  return start;
}
