const agent = document.querySelector<HTMLMetaElement>('meta[name="ecrm-agent"]')?.content ?? "";
const prefix = `ecrm-${agent}-`;

/** What this browser remembers for the signed-in agent; storage may be closed or full. */
export function remember(key: string, value: string): void {
  try {
    localStorage.setItem(prefix + key, value);
  } catch {
    // Remembering is a comfort; without it everything still works.
  }
}

export function recall(key: string): string | null {
  try {
    return localStorage.getItem(prefix + key);
  } catch {
    return null;
  }
}

export function forget(key: string): void {
  try {
    localStorage.removeItem(prefix + key);
  } catch {
    // See remember().
  }
}

/** Everything remembered for the agent goes when he signs out. */
export function forgetAll(): void {
  try {
    Object.keys(localStorage)
      .filter((key) => key.startsWith(prefix))
      .forEach((key) => localStorage.removeItem(key));
  } catch {
    // See remember().
  }
}
