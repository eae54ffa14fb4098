/**
 * The time that a turn is kept at the front, as it runs down, with a way to make it longer as often as one likes (WCAG 2.2.1). When it is over nothing is
 * lost; the words say so. The seconds are written and not announced.
 */
export function createClaimTime(options: {
  readonly seconds: number;
  readonly onOver: () => void;
  readonly onLonger: () => void;
}) {
  let endsMs: number | undefined;
  let ticking: ReturnType<typeof setInterval> | undefined;
  let place: Element | null = null;

  const left = (): number => Math.max(0, Math.ceil(((endsMs ?? 0) - performance.now()) / 1000));

  function begin(): void {
    endsMs = performance.now() + options.seconds * 1000;
    clearInterval(ticking);
    ticking = setInterval(tick, 1000);
  }

  function tick(): void {
    if (place?.isConnected === true) write(place, true);
    if (left() > 0) return;
    clearInterval(ticking);
    options.onOver();
  }

  function write(element: Element | null, isRunning: boolean): void {
    place = element;
    if (element === null) return;
    const seconds = left();
    if (!isRunning || endsMs === undefined || seconds === 0) {
      if (element.childNodes.length > 0) element.replaceChildren();
      return;
    }
    let text = element.querySelector("span");
    if (text === null) {
      text = document.createElement("span");
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = "Keep my turn longer";
      button.addEventListener("click", () => {
        begin();
        options.onLonger();
      });
      element.replaceChildren(text, button);
    }
    text.textContent = `Kept at the front for ${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}.`;
  }

  return { begin, write };
}
