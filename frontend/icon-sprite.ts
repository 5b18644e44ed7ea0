import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type { Plugin } from "vite";

/** Names listed in the file, one a line; a name that ends in "-filled" is the filled drawing. */
function readNames(listFile: string): string[] {
  return readFileSync(listFile, "utf8")
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "" && !line.startsWith("#"));
}

const require = createRequire(import.meta.url);

function symbol(name: string): string {
  const isFilled = name.endsWith("-filled");
  const file = isFilled ? `filled/${name.slice(0, -"-filled".length)}.svg` : `outline/${name}.svg`;
  const drawing = readFileSync(require.resolve(`@tabler/icons/${file}`), "utf8")
    .replace(/<!--[\s\S]*?-->/g, "")
    .replace(/^[\s\S]*?<svg[^>]*>/, "")
    .replace(/<\/svg>[\s\S]*$/, "")
    .replace(/<path stroke="none" d="M0 0h24v24H0z" fill="none"\s*\/>/, "")
    .replace(/\s+/g, " ")
    .trim();
  const paint = isFilled
    ? 'fill="currentColor" stroke="none"'
    : 'fill="none" stroke="currentColor" stroke-width="1.75" stroke-linecap="round" stroke-linejoin="round"';
  return `<symbol id="${name}" viewBox="0 0 24 24"><g ${paint}>${drawing}</g></symbol>`;
}

/** Puts the listed icons into one sprite, which templates reach through the manifest as "icons.svg". */
export function iconSprite(listFile: string): Plugin {
  return {
    name: "ecrm-icon-sprite",
    apply: "build",
    generateBundle() {
      this.addWatchFile(listFile);
      const symbols = readNames(listFile).map(symbol);
      this.emitFile({
        type: "asset",
        name: "icons.svg",
        originalFileName: "icons.svg",
        source: `<svg xmlns="http://www.w3.org/2000/svg">${symbols.join("")}</svg>\n`,
      });
    },
  };
}
