import { find, findAll } from "./dom";

/** Frames of /ws/live/, version 1; backoffice/realtime/consumers.py speaks the other side. */
type Frame = { type: "hello" | "beat" | "missed" } | { type: "hint"; topic: string } | { type: "refused"; topics: string[] };

interface LiveRequest {
  triggeringEvent?: Event;
  headers: Record<string, string>;
  path: string;
}

const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 30_000;
const SILENCE_MS = 50_000;
const POLL_MS = 30_000;
const GATHER_MS = 80;
const CALM_MS = 800;
const SIGNED_OUT = 4401;

let socket: WebSocket | null = null;
let attempts = 0;
let isUp = false;
let wasUp = false;
let followed = "";
let silence = 0;
let gather = 0;
let pointerAt = 0;
let pointerOver: Element | null = null;
const due = new Set<Element>();

const topicsOf = (element: HTMLElement): string[] => (element.dataset["ecrmLive"] ?? "").split(/\s+/).filter(Boolean);
const followers = (): HTMLElement[] => findAll("[data-ecrm-live]");

/** Lists wait while the pointer works in them, so that nothing moves away under it. */
function isBusy(element: Element): boolean {
  if (element.querySelector("details[open], :scope input:focus:not([type=checkbox]), textarea:focus")) return true;
  return element.hasAttribute("data-ecrm-live-calm") && pointerOver !== null && element.contains(pointerOver) && Date.now() - pointerAt < CALM_MS;
}

/** A list that shows this page's address is asked for with the filters which the address has now. */
function presentAddress(path: string): string {
  if (path.split("?")[0] !== location.pathname) return path;
  const url = new URL(location.href);
  url.searchParams.delete("open");
  return url.pathname + url.search;
}

function deliver(): void {
  gather = 0;
  if (document.hidden) return;
  for (const element of due) {
    if (!element.isConnected) due.delete(element);
    else if (!isBusy(element)) {
      due.delete(element);
      element.dispatchEvent(new CustomEvent("ecrm:live", { bubbles: false }));
    }
  }
  if (due.size > 0) gather = window.setTimeout(deliver, 300);
}

function look(elements: Element[]): void {
  elements.forEach((element) => due.add(element));
  if (due.size > 0 && gather === 0) gather = window.setTimeout(deliver, GATHER_MS);
}

function follow(): void {
  const topics = [...new Set(followers().flatMap(topicsOf))].sort();
  const wanted = topics.join(" ");
  if (!isUp || wanted === followed) return;
  followed = wanted;
  socket?.send(JSON.stringify({ type: "follow", topics }));
}

function showState(): void {
  const sign = find("[data-ecrm-live-state]");
  if (sign) sign.hidden = isUp || !wasUp;
  for (const dot of findAll("[data-ecrm-presence-own]")) dot.classList.toggle("is-offline", !isUp);
  document.documentElement.dataset["ecrmLive"] = isUp ? "up" : "down";
}

function listenForSilence(): void {
  window.clearTimeout(silence);
  silence = window.setTimeout(() => socket?.close(), SILENCE_MS);
}

function onFrame(frame: Frame): void {
  listenForSilence();
  if (frame.type === "hello") {
    isUp = true;
    attempts = 0;
    followed = "";
    follow();
    showState();
    if (wasUp) look(followers());
    wasUp = true;
  } else if (frame.type === "hint") {
    look(followers().filter((element) => topicsOf(element).includes(frame.topic)));
  } else if (frame.type === "missed") {
    look(followers());
  }
}

/** Waits longer after each failure, at a random moment, so that not everybody returns at once. */
function pause(): number {
  const ceiling = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** attempts);
  attempts += 1;
  return FIRST_WAIT_MS / 2 + Math.random() * ceiling;
}

function connect(path: string): void {
  const scheme = location.protocol === "https:" ? "wss:" : "ws:";
  socket = new WebSocket(`${scheme}//${location.host}${path}`);
  socket.addEventListener("message", (event) => onFrame(JSON.parse(String(event.data)) as Frame));
  socket.addEventListener("close", (event) => {
    isUp = false;
    window.clearTimeout(silence);
    window.setTimeout(showState, 1500);
    if (event.code === SIGNED_OUT) location.reload();
    else window.setTimeout(() => connect(path), pause());
  });
}

/** One socket per page carries hints "this topic changed"; elements then fetch what they show. */
export function startLive(): void {
  const path = document.body.dataset["ecrmLivePath"];
  if (!path) return;
  connect(path);
  document.addEventListener("htmx:afterSettle", follow);
  document.addEventListener("htmx:configRequest", (event) => {
    const request = (event as CustomEvent<LiveRequest>).detail;
    const cause = request.triggeringEvent?.type;
    if (cause === "ecrm:live") request.headers["Ecrm-Background"] = "true";
    if (cause === "ecrm:live" || cause === "ecrm:changed") request.path = presentAddress(request.path);
  });
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden && due.size > 0) deliver();
  });
  document.addEventListener("pointermove", (event) => {
    pointerAt = Date.now();
    pointerOver = event.target instanceof Element ? event.target : null;
  });
  window.addEventListener("online", () => {
    attempts = 0;
  });
  window.setInterval(() => {
    if (!isUp) look(followers());
  }, POLL_MS);
}
