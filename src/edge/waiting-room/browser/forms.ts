/** Forms of the panel without a reload. What does not work out goes the way that it goes without script. */

type Prove = (purpose: "code") => Promise<Record<string, string>>;

export function enhanceForms(panel: HTMLElement, address: string, prove: Prove): void {
  panel.addEventListener("submit", (event) => {
    const form = event.target as HTMLFormElement;
    const action = form.getAttribute("action") ?? "";
    const use = action === `${address}/code` ? showCode : action === `${address}/tell-me` ? askToBeTold : undefined;
    if (use === undefined || form.ariaBusy === "true") return;
    event.preventDefault();
    form.ariaBusy = "true";
    void use(form).finally(() => {
      form.ariaBusy = null;
    });
  });

  const post = async (form: HTMLFormElement, more: Record<string, string> = {}): Promise<Record<string, string>> => {
    const body = new URLSearchParams([...new FormData(form)] as [string, string][]);
    for (const [name, value] of Object.entries(more)) body.set(name, value);
    const response = await fetch(form.getAttribute("action") ?? "", {
      method: "POST",
      body,
      headers: { accept: "application/json" },
    });
    return (await response.json()) as Record<string, string>;
  };

  async function showCode(form: HTMLFormElement): Promise<void> {
    const place = panel.querySelector("[data-code]");
    try {
      const { code, svg, detail } = await post(form, await prove("code"));
      if (place === null) return;
      if (code === undefined || svg === undefined) {
        place.textContent = detail ?? "";
        return;
      }
      const box = document.createElement("div");
      box.className = "spw-code";
      const picture = new DOMParser().parseFromString(svg, "image/svg+xml").documentElement;
      const text = document.createElement("b");
      text.textContent = code;
      box.append(document.importNode(picture, true), text);
      place.replaceChildren(box);
    } catch {
      form.submit();
    }
  }

  async function askToBeTold(form: HTMLFormElement): Promise<void> {
    const said = form.parentElement?.querySelector("[data-told]");
    try {
      const { told, detail } = await post(form);
      if (told !== undefined) form.remove();
      if (said != null) said.textContent = told ?? detail ?? "";
    } catch {
      form.submit();
    }
  }
}
