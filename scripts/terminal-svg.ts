/** Draws what a terminal showed over time as one animated SVG, which needs no script and no font of ours. */

/** One screen: lines with the escape sequences of their colours, as `tmux capture-pane -e` prints them. */
export interface Frame {
  /** Milliseconds from the beginning. */
  readonly at: number;
  readonly lines: readonly string[];
}

export interface SvgOptions {
  readonly columns: number;
  readonly rows: number;
  /** What is seen, for those who hear it. */
  readonly title: string;
  /** How long the last frame stays, in milliseconds. */
  readonly rest: number;
}

/** Text in one colour. */
interface Run {
  readonly column: number;
  readonly text: string;
  readonly style: string;
}

const FONT_SIZE = 14;
const CELL = { width: 8.4, height: 19 };
const MARGIN = 14;
/** Classes by SGR code; what is not listed changes nothing here. */
const COLORS: Record<number, string> = {
  31: "red",
  32: "green",
  33: "yellow",
  34: "blue",
  35: "magenta",
  36: "cyan",
  90: "dim",
  91: "red",
  92: "green",
  93: "yellow",
  94: "blue",
  96: "cyan",
};
// Both sets stand out by at least 4.5:1 from their ground.
const STYLE = `
text{font:${FONT_SIZE}px ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace;fill:#d8dee9;white-space:pre}
.ground{fill:#16181d;stroke:#3b4048}
.bold{font-weight:700}.dim{fill:#9aa4b2}.red{fill:#ff7b72}.green{fill:#56d364}.yellow{fill:#e3b341}
.blue{fill:#79c0ff}.magenta{fill:#d2a8ff}.cyan{fill:#56d4dd}
@media (prefers-color-scheme:light){text{fill:#1f2328}.ground{fill:#fff;stroke:#d0d7de}.dim{fill:#59636e}
.red{fill:#b3141d}.green{fill:#116329}.yellow{fill:#7d4e00}.blue{fill:#0550ae}.magenta{fill:#6639ba}.cyan{fill:#0b5e6b}}
.f{visibility:hidden}`;

/** @throws when there is no frame. */
export function terminalSvg(frames: readonly Frame[], { columns, rows, title, rest }: SvgOptions): string {
  const last = frames.at(-1);
  if (last === undefined) throw new Error("there is nothing to draw");
  const [width, height] = [columns * CELL.width + 2 * MARGIN, rows * CELL.height + 2 * MARGIN].map(Math.ceil);
  const total = last.at + rest;
  const lines = new Map<string, string>();
  const drawn = frames.map(({ lines: shown }) => drawFrame(shown, lines));
  const moments = frames.map(({ at }, index) => {
    const [from, to] = [at, frames[index + 1]?.at ?? total].map((time) => percent(time / total));
    const end = index === frames.length - 1 ? "100%{visibility:visible}" : `${to}{visibility:hidden}`;
    const start = index === 0 ? "" : "0%{visibility:hidden}";
    return `@keyframes k${index}{${start}${from}{visibility:visible}${end}}#f${index}{animation:k${index} ${total}ms step-end infinite}`;
  });
  // What does not move, or is not to, shows the end.
  const still = `#f${frames.length - 1}{visibility:visible}`;
  const moving = `@media (prefers-reduced-motion:no-preference){\n${moments.join("\n")}\n}`;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" xml:space="preserve" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-labelledby="t">`,
    `<title id="t">${escaped(title)}</title>`,
    `<style>${STYLE}\n${still}\n${moving}</style>`,
    `<defs>${[...lines].map(([line, id]) => `<g id="${id}">${line}</g>`).join("\n")}</defs>`,
    `<rect class="ground" x=".5" y=".5" width="${Number(width) - 1}" height="${Number(height) - 1}" rx="8"/>`,
    ...drawn.map((content, index) => `<g id="f${index}" class="f">${content}</g>`),
    "</svg>\n",
  ].join("\n");
}

/** A screen as references to its lines; each line is drawn once, however often it is shown. */
function drawFrame(shown: readonly string[], lines: Map<string, string>): string {
  return runsOf(shown)
    .map((runs, row) => {
      const drawn = runs.map(drawRun).join("");
      if (drawn === "") return "";
      const id = lines.get(drawn) ?? `l${lines.size}`;
      lines.set(drawn, id);
      return `<use href="#${id}" x="${MARGIN}" y="${MARGIN + row * CELL.height + FONT_SIZE}"/>`;
    })
    .join("");
}

// The length is given so that columns stand under each other whatever font there is.
function drawRun({ column, text, style }: Run): string {
  const size = `x="${round(column * CELL.width)}" textLength="${round(text.length * CELL.width)}" lengthAdjust="spacingAndGlyphs"`;
  return `<text ${size}${style === "" ? "" : ` class="${style}"`}>${escaped(text)}</text>`;
}

/** Colour and weight in force; they last beyond the end of a line. */
interface Pen {
  color: string;
  bold: boolean;
}

/** The parts of each line by colour; blanks at the ends of them are left out. */
export function runsOf(lines: readonly string[]): Run[][] {
  const pen: Pen = { color: "", bold: false };
  return lines.map((line) => {
    const runs: Run[] = [];
    let column = 0;
    // biome-ignore lint/suspicious/noControlCharactersInRegex: this is what colours are made of
    for (const [index, part] of line.split(/\u001b\[([\d;]*)m/).entries()) {
      if (index % 2 === 1) {
        for (const code of part.split(";")) change(pen, Number(code));
        continue;
      }
      const text = part.trim();
      const style = [pen.bold ? "bold" : "", pen.color].filter(Boolean).join(" ");
      if (text !== "") runs.push({ column: column + part.indexOf(text), text, style });
      column += part.length;
    }
    return runs;
  });
}

function change(pen: Pen, code: number): void {
  if (code === 0) Object.assign(pen, { color: "", bold: false });
  else if (code === 1) pen.bold = true;
  else if (code === 2) pen.color = "dim";
  else if (code === 22) Object.assign(pen, { bold: false, color: pen.color === "dim" ? "" : pen.color });
  else if (code === 39) pen.color = "";
  else pen.color = COLORS[code] ?? pen.color;
}

function percent(share: number): string {
  return `${round(share * 100)}%`;
}

function round(number: number): number {
  return Math.round(number * 1000) / 1000;
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
