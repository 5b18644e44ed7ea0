/* Two records side by side: until somebody chooses, what is right follows who stays. */

const touched = new WeakSet<HTMLFormElement>();

export function startComparing(): void {
  document.addEventListener("change", (event) => {
    const input = event.target;
    if (!(input instanceof HTMLInputElement) || !input.form) return;
    if (input.matches("[data-ecrm-pick]")) touched.add(input.form);
    if (input.matches("[data-ecrm-survivor]")) follow(input.form, input.value);
  });
}

function follow(form: HTMLFormElement, survivor: string): void {
  if (touched.has(form)) return;
  for (const pick of form.querySelectorAll<HTMLInputElement>("[data-ecrm-pick]")) {
    pick.checked = pick.value === survivor;
  }
}
