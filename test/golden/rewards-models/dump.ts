/** Writes the tokenizers and the definitions of the fixtures to standard output, for make.py. */
import { FIXTURE_IDS, fixtureFiles, transformerOf } from "../../fixtures/models.ts";

const models = FIXTURE_IDS.map((id) => {
  const files = fixtureFiles(id);
  const text = (path: string): string => new TextDecoder().decode(files.get(path));
  return {
    ...transformerOf(id),
    tokenizer: text("tokenizer.json"),
    maxTokens: JSON.parse(text("manifest.json")).maxTokens,
  };
});
process.stdout.write(JSON.stringify(models));
