import { z } from "zod";
import { type RunPlace, type WandbApi, WandbRefusal } from "./api.ts";

const answer = z.object({
  createRunFiles: z.object({
    uploadHeaders: z.array(z.string()),
    files: z.array(z.object({ name: z.string(), uploadUrl: z.string() })),
  }),
});

const CREATE = `mutation CreateRunFiles($entity: String!, $project: String!, $run: String!, $files: [String!]!) {
  createRunFiles(input: {entityName: $entity, projectName: $project, runName: $run, files: $files}) {
    runID uploadHeaders files { name uploadUrl }
  }
}`;

/**
 * Puts a file beside a run; that it is there is told with the run's next file_stream (`uploaded`).
 * @throws WandbRefusal; Failure `deadline.aborted`
 */
export async function uploadRunFile(
  api: WandbApi,
  run: RunPlace & { id: string },
  file: { name: string; bytes: Uint8Array<ArrayBuffer> },
  signal: AbortSignal,
): Promise<void> {
  const { entity, project, id } = run;
  const variables = { entity, project, run: id, files: [file.name] };
  const { files, uploadHeaders } = answer.parse(await api.graphql(CREATE, variables, signal)).createRunFiles;
  const place = files.find(({ name }) => name === file.name);
  if (place === undefined) throw new WandbRefusal("the W&B server names no place for the file", 200, true);
  await api.put({ address: place.uploadUrl, headers: uploadHeaders }, file.bytes, signal);
}
