import { docsUrl, selectEntries } from "../../engine/catalogue.ts";
import { type Command, EXIT } from "../main.ts";
import { painter } from "../terminal.ts";

const list: Command = async (options, terminal) => {
  const paint = painter(terminal.stdout, options.color);
  const checks = selectEntries(options.only, options.skip).map((entry) => ({ ...entry, docsUrl: docsUrl(entry.id) }));
  const lines = checks.map(
    ({ id, title, fix }) => `${paint("bold", id.padEnd(24))} ${(fix?.risk ?? "no repair").padEnd(10)} ${title}`,
  );
  return { code: EXIT.clean, document: { schemaVersion: 1, ok: true, checks }, text: `${lines.join("\n")}\n` };
};

export default list;
