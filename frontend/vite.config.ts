import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";
import { iconSprite } from "./icon-sprite.ts";

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

export default defineConfig({
  base: "/static/",
  publicDir: false,
  plugins: [iconSprite(here("./icons.txt"))],
  build: {
    outDir: here("./dist"),
    emptyOutDir: true,
    manifest: true,
    target: "es2022",
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rollupOptions: {
      input: ["backoffice.ts", "public.ts", "theme.ts", "inbox/inbox.ts", "demo/demo.ts", "segments/builder.ts", "segments/page.ts", "templates/editor.ts"]
        .map((entry) => here(`./src/${entry}`))
        .filter((entry) => existsSync(entry)),
    },
  },
});
