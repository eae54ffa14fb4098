/**
 * Waits for what is to come true: at once where the machine is quick, as long as a busy one needs, and no longer. What never comes
 * true fails with its own text.
 */
export async function until(what: () => boolean | Promise<boolean>, withinMs = 15_000): Promise<void> {
  const giveUpMs = performance.now() + withinMs;
  while (!(await what())) {
    if (performance.now() > giveUpMs) throw new Error(`Never came true: ${what}`);
    await Bun.sleep(10);
  }
}

/** Waits until a number stays what it is: what flows has come to a stand. */
export async function standstill(of: () => number, forMs: number, withinMs = 15_000): Promise<void> {
  const giveUpMs = performance.now() + withinMs;
  const everyMs = 20;
  let last = Number.NaN;
  // Counted in looks, between which whatever moves it had its turn; a clock would run on while the machine stood still.
  for (let still = 0; still * everyMs < forMs; ) {
    const now = of();
    still = now === last ? still + 1 : 0;
    last = now;
    if (performance.now() > giveUpMs) throw new Error(`Never came to a stand: ${of}`);
    await Bun.sleep(everyMs);
  }
}
