import { readFileSync } from "node:fs";
import { docsUrl, findEntry } from "../../engine/catalogue.ts";
import { UserError } from "../../engine/errors.ts";
import { packageFile } from "../../package.ts";
import { type Command, EXIT } from "../main.ts";

const explain: Command = async ({ operands }) => {
  const id = operands[0];
  if (id === undefined)
    throw new UserError("`explain` needs the id of a check.", "List them with `openclaw-vitals list`.");
  const entry = findEntry(id);
  const text = readFileSync(packageFile(`docs/checks/${entry.id}.md`), "utf8");
  return {
    code: EXIT.clean,
    document: { schemaVersion: 1, ok: true, check: { ...entry, docsUrl: docsUrl(entry.id) }, text },
    text,
  };
};

export default explain;
