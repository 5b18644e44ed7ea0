import { findAll, word } from "./dom";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const language = document.documentElement.lang || "en";
// "3h ago" is short in English; the narrow French "-3 h" would read as a negative number.
const relative = new Intl.RelativeTimeFormat(language, { style: language === "en" ? "narrow" : "short" });
const exact = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "short" });

function words(moment: Date, now: Date): string {
  const age = now.getTime() - moment.getTime();
  if (Math.abs(age) < MINUTE) return word("now");
  if (Math.abs(age) < HOUR) return relative.format(-Math.round(age / MINUTE), "minute");
  if (Math.abs(age) < DAY) return relative.format(-Math.round(age / HOUR), "hour");
  const days = Math.round((new Date(now).setHours(0, 0, 0, 0) - new Date(moment).setHours(0, 0, 0, 0)) / DAY);
  if (days === 1) return word("yesterday");
  const isThisYear = moment.getFullYear() === now.getFullYear();
  return moment.toLocaleDateString(language, { day: "numeric", month: "short", ...(isThisYear ? {} : { year: "numeric" }) });
}

function refresh(): void {
  const now = new Date();
  for (const element of findAll<HTMLTimeElement>("time[data-ecrm-ago]")) {
    const moment = new Date(element.dateTime);
    const text = words(moment, now);
    if (element.textContent !== text) element.textContent = text;
    element.title = exact.format(moment);
  }
}

/** Keeps "3 min ago" true while the page stays open, and shows exact times in the reader's zone. */
export function startAgo(): void {
  setInterval(refresh, 30_000);
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) refresh();
  });
}
