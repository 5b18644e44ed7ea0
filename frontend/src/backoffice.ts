import "./styles/backoffice.css";
import htmx from "htmx.org";
import { startAgo } from "./behaviours/ago";
import { startBulk } from "./behaviours/bulk";
import { startColours } from "./behaviours/colours";
import { startComparing } from "./behaviours/compare";
import { startComposer } from "./behaviours/composer";
import { startKeys } from "./behaviours/keys";
import { startList } from "./behaviours/list";
import { startLive } from "./behaviours/live";
import { startLocalState } from "./behaviours/local-state";
import { startMentions } from "./behaviours/mentions";
import { startMenus } from "./behaviours/menus";
import { startPalette } from "./behaviours/palette";
import { startPanel } from "./behaviours/panel";
import { startRail } from "./behaviours/rail";
import { startShortcuts } from "./behaviours/shortcuts";
import { startToasts } from "./behaviours/toasts";

declare global {
  interface Window {
    htmx: typeof htmx;
  }
}

window.htmx = htmx;
startToasts();
startMenus();
startRail();
startColours();
startAgo();
startKeys();
startShortcuts();
startPanel();
startList();
startBulk();
startPalette();
startComposer();
startComparing();
startMentions();
startLocalState();
startLive();
document.documentElement.dataset["ecrmReady"] = "";
